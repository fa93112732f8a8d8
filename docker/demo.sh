#!/usr/bin/env bash
# demo.sh: traffic at all three offices of the company that `make docker-up` started; the branch nice is cut off its
# network in the middle and joined again; at the end all offices hold the same rows, and every transaction is there.
set -euo pipefail

cd "$(dirname "$0")/.."
. docker/environment.sh
. docker/traffic.sh
trap 'rm -rf "$books"' EXIT

[ -n "$(container nice-relay)" ] || fail "the company is not up: make docker-up"
cut=$(container nice-relay)
network=${project}_broker
rejoin() { "$docker" network connect "$network" "$cut"; }

declare -A before
for office in "${offices[@]}"; do before[$office]=$(counted "$office" "$office"); done
say "Three offices at work."
start_traffic 16
sleep 3
show 1
"$docker" network disconnect "$network" "$cut"
trap 'rejoin 2>/dev/null || true; rm -rf "$books"' EXIT
say "nice is cut off. All three keep writing."
sleep 4
show 1
rejoin
trap 'rm -rf "$books"' EXIT
say "nice is back."
stop_traffic
say "The traffic has stopped; waiting until nothing is on the way."
settle 90 || { echo "VERDICT: FAILED. The offices are not equal."; exit 1; }

echo
printf '  %-16s %10s   %s\n' table rows digest
sql head <docker/digest.sql | while IFS='|' read -r table rows digest; do printf '  %-16s %10s   %s\n' "$table" "$rows" "$digest"; done
echo
total=0
for office in "${offices[@]}"; do
    made=$(committed "$office")
    for at in "${offices[@]}"; do
        found=$(($(counted "$at" "$office") - before[$office]))
        if [ "$found" -ne "$made" ]; then
            echo "VERDICT: FAILED. The offices are equal, but $at counts $found of $office's $made transactions."
            exit 1
        fi
    done
    total=$((total + made))
done
echo "VERDICT: EQUAL. All offices hold the same rows; $total transactions are accounted for at each."

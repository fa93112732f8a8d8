#!/usr/bin/env bash
# Instructions of one row in the hot loops, counted by valgrind: no noise, so a change of one percent shows. First
# those of the change format, then capture and apply in the server (count-server.sh). Two counts with different
# numbers of rows are subtracted, which takes the start of the process out.
set -euo pipefail

cd "$(dirname "$0")/.."
target=$1
rows=1000 # as in wire/benches/sale/mod.rs

if ! command -v valgrind >/dev/null; then
    echo "valgrind is not installed (Debian: valgrind); nothing is counted." >&2
    exit 1
fi
cargo build --quiet --release -p officesync-wire --example count_rows

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/release/examples/count_rows" "$1" "$2" 2>&1 |
        sed -nE 's/.*Collected : ([0-9]+).*/\1/p'
}

for what in encode decode; do
    few=$(count $what 2)
    many=$(count $what 12)
    printf '%-32s %12s %12d\n' "wire: $what, a row" - $(((many - few) / (10 * rows)))
done
scripts/count-server.sh

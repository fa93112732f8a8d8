#!/usr/bin/env bash
# down.sh: stops the company and its further branches. VOLUMES=yes also throws the data away.
set -euo pipefail

cd "$(dirname "$0")/.."
. docker/environment.sh
engine_answers || fail "no container engine answers ($docker info)"
options=()
if [ "${VOLUMES:-no}" = yes ]; then options=(-v); fi
for folder in "$SECRETS"/*/relay; do
    name=$(basename "$(dirname "$folder")")
    case $name in head | lyon | nice | '*') continue ;; esac
    branch_compose "$name" down "${options[@]}" 2>/dev/null || true
done
compose down "${options[@]}"

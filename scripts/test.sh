#!/usr/bin/env bash
# All tests, the cheap ones first; stops at the first failure. The last line says how it ended.
set -euo pipefail

cd "$(dirname "$0")/.."
steps=(deps fmt build clippy test-unit install test-regress test-e2e test-docker-if-ready)
passed=()
step=start

summary() {
    local status=$?
    if [ $status -eq 0 ]; then
        echo "make test: PASSED: ${passed[*]} (${SECONDS} s)"
    else
        echo "make test: FAILED in $step after ${SECONDS} s (passed before: ${passed[*]:-none})" >&2
    fi
}
trap summary EXIT

for step in "${steps[@]}"; do
    echo "== $step"
    make --no-print-directory "$step"
    passed+=("$step")
done

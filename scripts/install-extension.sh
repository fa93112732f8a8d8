#!/usr/bin/env bash
# install-extension.sh TARGET: puts the built extension where the PostgreSQL of PG_CONFIG looks for it.
# Each file is replaced in one step: servers that run keep the library they have mapped.
set -euo pipefail

target=$(realpath -m "${1:?usage: install-extension.sh TARGET}")
root=$(cd "$(dirname "$0")/.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
libraries=$("$pg_config" --pkglibdir)
scripts=$("$pg_config" --sharedir)/extension

install_file() {
    local from=$1 to=$2 as_root=()
    # As it is already: nothing to do, and no password to ask for.
    if cmp -s "$from" "$to"; then return; fi
    if [ ! -w "$(dirname "$to")" ]; then as_root=(sudo); fi
    "${as_root[@]}" install -m "$3" "$from" "$to.new"
    "${as_root[@]}" mv -f "$to.new" "$to"
    echo "install: $to"
}

install_file "$target/release/libofficesync.so" "$libraries/officesync.so" 755
install_file "$root/extension/officesync.control" "$scripts/officesync.control" 644
for script in "$target"/sql/officesync--*.sql "$root"/sql/upgrade/officesync--*.sql; do
    [ -f "$script" ] && install_file "$script" "$scripts/$(basename "$script")" 644
done
exit 0

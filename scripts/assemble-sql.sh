#!/usr/bin/env bash
# assemble-sql.sh TARGET: joins the files that sql/install.order lists, in that order, into the install script
# TARGET/sql/officesync--VERSION.sql. Lines that begin with # and empty lines in the list are skipped.
set -euo pipefail

target=$(realpath -m "${1:?usage: assemble-sql.sh TARGET}")
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -nE "s/^default_version *= *'([^']+)'.*/\1/p" "$root/extension/officesync.control")
[ -n "$version" ] || { echo "sql: extension/officesync.control names no default_version" >&2; exit 1; }

mkdir -p "$target/sql"
script=$target/sql/officesync--$version.sql
{
    # shellcheck disable=SC2028
    echo '\echo Use "CREATE EXTENSION officesync" to load this file. \quit'
    while read -r file || [ -n "$file" ]; do
        case $file in '' | '#'*) continue ;; esac
        path=$root/sql/$file
        [ -f "$path" ] || path=$root/$file
        [ -f "$path" ] || { echo "sql: sql/install.order lists $file, which is not there" >&2; exit 1; }
        printf '\n-- %s\n' "$file"
        cat "$path"
        echo
    done <"$root/sql/install.order"
} >"$script.new"

# A file nobody lists would silently not be installed.
while read -r path; do
    name=${path#"$root"/sql/}
    grep -qxE "(sql/)?$name" "$root/sql/install.order" || { echo "sql: sql/$name is not listed in sql/install.order" >&2; exit 1; }
done < <(find "$root/sql" -name '*.sql' -not -path "$root/sql/upgrade/*" | sort)

mv "$script.new" "$script"
echo "sql: assembled $script"

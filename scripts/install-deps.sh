#!/usr/bin/env bash
# Checks what building and running officesync needs, and installs the missing Debian packages with apt-get.
# No system service is needed or started: tests and demo run servers of their own.
set -euo pipefail

say() { printf 'deps: %s\n' "$*"; }
fail() {
    printf 'deps: %s\n' "$*" >&2
    exit 1
}

if ! command -v cargo >/dev/null; then
    fail "there is no cargo. Install Rust from https://rustup.rs, then run this again."
fi

pg_config=${PG_CONFIG:-pg_config}

# Server programs, headers and the regression test driver of the PostgreSQL in use.
postgres_is_complete() {
    local bin include pgxs
    bin=$("$pg_config" --bindir 2>/dev/null) || return 1
    include=$("$pg_config" --includedir-server) || return 1
    pgxs=$("$pg_config" --pgxs) || return 1
    [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && [ -x "$bin/psql" ] && [ -f "$include/postgres.h" ] &&
        [ -x "$(dirname "$pgxs")/../test/regress/pg_regress" ]
}

missing=()
want() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' || missing+=("$1")
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    postgres_is_complete || fail "this is no Debian: install PostgreSQL with its server headers, or set PG_CONFIG."
    for program in cc clang pkg-config epmd setpriv; do
        command -v "$program" >/dev/null || fail "this is no Debian: install what provides $program."
    done
    exit 0
fi

for package in build-essential pkg-config clang libclang-dev rabbitmq-server; do want "$package"; done

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

updated=
update() {
    [ -n "$updated" ] && return
    updated=yes
    say "reading the package lists"
    "${as_root[@]}" apt-get update -qq
}

if ! postgres_is_complete; then
    major=$("$pg_config" --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/') || true
    if [ -z "$major" ]; then
        update
        major=$(apt-cache policy postgresql | sed -nE 's/^ *Candidate: ([0-9]+).*/\1/p')
        [ -n "$major" ] || fail "apt-get offers no postgresql package."
    fi
    for package in "postgresql-$major" "postgresql-server-dev-$major"; do want "$package"; done
    if [ "${#missing[@]}" -eq 0 ]; then
        fail "PostgreSQL $major as $pg_config names it is not complete. Set PG_CONFIG to a complete one."
    fi
fi

if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi

update
say "installing: ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    # Packages start their services when installed; this tells them not to, for as long as this runs.
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
postgres_is_complete || fail "PostgreSQL is still not complete; set PG_CONFIG to the one you want."
say "installed: ${missing[*]}"

#!/usr/bin/env bash
# regress.sh TARGET: runs pg_regress and pg_isolation_regress on tests/pg_regress in a private cluster that is gone
# afterwards. What they wrote is in TARGET/regress; a failure prints its diff. ONLY="sql" or "isolation" runs one.
set -euo pipefail

target=$(realpath -m "${1:?usage: regress.sh TARGET}")
root=$(cd "$(dirname "$0")/.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
bin=$("$pg_config" --bindir)
drivers=$(dirname "$("$pg_config" --pgxs)")/../test

# A backtrace in an error's detail is not what the expected output shows.
unset RUST_BACKTRACE

# PostgreSQL refuses to run as root; then it and the tests run as its own user, in a directory of its own.
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then as_postgres=(setpriv --reuid postgres --regid postgres --init-groups --); fi

work=$(mktemp -d "${TMPDIR:-/tmp}/officesync-regress.XXXXXX")
server=
finish() {
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

cp -r "$root/tests/pg_regress" "$work/input"
mkdir "$work/sql" "$work/isolation"
if [ "$(id -u)" -eq 0 ]; then chown -R postgres:postgres "$work"; fi
cd "$work"

free_port() {
    local port
    for port in $(shuf -i 11000-16999 -n 50); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}
port=$(free_port)

"${as_postgres[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C -N >"$work/initdb.log" ||
    { cat "$work/initdb.log"; exit 1; }
cat >>"$work/data/postgresql.conf" <<CONFIGURATION
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = $port
max_prepared_transactions = 20
fsync = on
jit = off
CONFIGURATION
"${as_postgres[@]}" "$bin/postgres" -D "$work/data" >"$work/server.log" 2>&1 &
server=$!
tries=0
until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$work/server.log"
        exit 1
    fi
    sleep 0.1
done

failed=
run() {
    local kind=$1 driver=$2 schedule=$3
    case ${ONLY:-$kind} in "$kind") ;; *) return ;; esac
    local list=$work/input/$schedule
    if [ ! -f "$list" ]; then
        echo "regress: tests/pg_regress/$schedule is missing" >&2
        failed="$failed $kind"
        return
    fi
    echo "regress: $kind tests"
    local status=0
    "${as_postgres[@]}" "$drivers/$driver" --inputdir="$work/input" --outputdir="$work/$kind" --bindir="$bin" \
        --host=127.0.0.1 --port="$port" --user=postgres --dbname="regression_$kind" --schedule="$list" || status=$?
    if [ $status -ne 0 ]; then
        failed="$failed $kind"
        find "$work/$kind" -name '*.diffs' -exec cat {} +
    fi
}
run sql regress/pg_regress schedule
run isolation isolation/pg_isolation_regress isolation_schedule

cd "$root"
rm -rf "$target/regress"
mkdir -p "$target/regress"
cp -r "$work/sql" "$work/isolation" "$work/server.log" "$target/regress/"
if grep -E 'PANIC|terminated by signal|TRAP:' "$work/server.log"; then
    echo "regress: the server crashed (see $target/regress/server.log)" >&2
    exit 1
fi
if [ -n "$failed" ]; then
    echo "regress: FAILED:$failed (results in $target/regress)" >&2
    exit 1
fi
echo "regress: all passed"

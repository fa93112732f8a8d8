#!/usr/bin/env bash
# Instructions of one row in capture and apply, and of one small transaction, counted by valgrind in a server of its
# own that runs one session and nothing else. Each number is the difference of two runs with different numbers of rows,
# so the start of the process is not in it. PostgreSQL's share is what the same statement costs without a trigger. Needs the extension installed into the PostgreSQL of PG_CONFIG.
set -euo pipefail

bin=$("${PG_CONFIG:-pg_config}" --bindir)
as_postgres=()
if [ "$(id -u)" -eq 0 ]; then as_postgres=(setpriv --reuid postgres --regid postgres --init-groups --); fi
work=$(mktemp -d "${TMPDIR:-/tmp}/officesync-count.XXXXXX")
server=
finish() {
    if [ -n "$server" ]; then kill -QUIT "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
if [ "$(id -u)" -eq 0 ]; then chown postgres "$work"; fi
cd "$work"

# --- Two offices in one cluster: the head, where capture is counted and whose ticks the branch applies.
values="md5(n::text)::uuid, date '2025-01-01' + n % 365, 'region ' || n % 7, 'product ' || n % 1000, n % 10 + 1,
    n * 7919 % 100000 / 100.0, n * 7919 % 100000 / 100.0 * 3, n * 7919 % 100000 / 100.0 * 0.6, n * 7919 % 100000 / 100.0 * 3.6,
    now(), n"
table() {
    echo "CREATE TABLE $1 (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), date date, region varchar, product varchar,
        quantity int, cost float8, amount float8, tax float8, total float8, updated_at timestamptz DEFAULT now(), n int);"
}
insert() { echo "INSERT INTO $1 SELECT * FROM source WHERE n BETWEEN $2 AND $3;"; }
update() { echo "UPDATE $1 SET quantity = quantity + 1, updated_at = now() WHERE n BETWEEN $2 AND $3;"; }
delete() { echo "DELETE FROM $1 WHERE n BETWEEN $2 AND $3;"; }

psql() { "$bin/psql" -h "$work" -U postgres -qAtX -v ON_ERROR_STOP=1 "$@"; }
rows=5000 # of the tables that are updated and deleted from
few=1000  # rows of a short run; a tick carries so many
alone=60  # ticks that carry one row each
prepare() {
    "${as_postgres[@]}" "$bin/initdb" -D template -U postgres -A trust -E UTF8 --locale=C -N >initdb.log
    "${as_postgres[@]}" "$bin/postgres" -D template -c listen_addresses= -c unix_socket_directories="$work" \
        -c autovacuum=off -c fsync=off >server.log 2>&1 &
    server=$!
    local tries=0
    until "$bin/pg_isready" -q -h "$work"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then cat server.log >&2; exit 1; fi
        sleep 0.1
    done
    for office in head branch1; do
        psql -d postgres -c "CREATE DATABASE $office"
        psql -d $office -c "CREATE EXTENSION officesync" \
            -c "SELECT officesync.set_office('$office', '${office%1}')" -c "$(table sales)" >/dev/null
    done
    {
        table plain
        table source
        echo "INSERT INTO source SELECT $values FROM generate_series(1, 30000) n;"
        insert plain 1 $rows
        insert sales 1 $rows
        echo "SELECT officesync.track('sales', 'both');"
        # Rows of their own, so that what is counted here does not depend on what is counted there.
        for what in insert update delete; do
            for tick in 0 1 2; do
                $what sales $((10001 + tick * few)) $((11000 + tick * few))
                echo "SELECT officesync.tick();"
            done
        done
        for what in $(seq $alone); do
            insert sales $((29000 + what)) $((29000 + what))
            echo "SELECT officesync.tick();"
        done
        echo "CREATE TABLE bodies AS SELECT t.tick, d.encoding, d.body, d.last FROM officesync.ticks_after(0, 100) t,
            LATERAL officesync.drain(t.tick, 0, -1) d;"
        echo "\\copy bodies TO '$work/bodies'"
        echo "VACUUM (FREEZE, ANALYZE);"
    } | psql -d head >/dev/null
    {
        echo "SELECT officesync.track('sales', 'both');"
        echo "CREATE TABLE bodies (tick bigint, encoding text, body bytea, last boolean);"
        echo "\\copy bodies FROM '$work/bodies'"
        echo "SELECT officesync.receive_welcome('head', '$(incarnation head)', 0, 0, '$(incarnation branch1)', NULL);"
        echo "VACUUM (FREEZE, ANALYZE);"
    } | psql -d branch1 >/dev/null
    if [ "$(psql -d branch1 -c 'SELECT count(*) FROM bodies WHERE last')" != $((9 + alone)) ]; then
        echo "a tick of $few rows does not fit one message any more" >&2
        exit 1
    fi
    kill -INT "$server"
    wait "$server" || true
    server=
}
incarnation() { psql -d "$1" -c "SELECT incarnation FROM officesync.office"; }

# --- Counting: instructions of a session that runs the statements of standard input, one a line.
count() {
    rm -rf data
    cp -a template data
    "${as_postgres[@]}" valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$bin/postgres" --single -D data -c autovacuum=off -c fsync=off -c jit=off "$1" >count.log 2>&1
    if grep -E 'ERROR|FATAL|PANIC' count.log >&2; then exit 1; fi
    sed -nE 's/.*Collected : ([0-9]+).*/\1/p' count.log
}
# Instructions a row of a statement over few rows and one over all.
bulk() {
    local short long
    short=$($1 "$2" "$3" $(($3 + few - 1)) | count head)
    long=$($1 "$2" "$3" $(($3 + rows - 1)) | count head)
    echo $(((long - short) / (rows - few)))
}
# One update and one insert, so many times.
small() {
    local n
    echo "PREPARE updating (int) AS UPDATE $1 SET quantity = quantity + 1, updated_at = now() WHERE id = md5(\$1::text)::uuid;"
    echo "PREPARE inserting (int) AS INSERT INTO $1 (id, date, region, product, quantity, cost, amount, tax, total) VALUES" \
        "(md5(\$1::text)::uuid, '2025-01-01', 'region', 'product', \$1, 9.99, 19.98, 1.99, 21.97);"
    for n in $(seq "$2"); do
        printf 'BEGIN;\nEXECUTE updating (%d);\nEXECUTE inserting (%d);\nCOMMIT;\n' "$n" $((n + 20000))
    done
}
applying() {
    local tick
    echo "PREPARE applying (int) AS SELECT a.outcome FROM bodies b, officesync.apply('head', (SELECT incarnation FROM" \
        "officesync.peer), b.tick, b.tick - 1, 1, true, 0, NULL, NULL, NULL, b.encoding, b.body) a WHERE b.tick = \$1;"
    for tick in $(seq "$1"); do echo "EXECUTE applying ($tick);"; done
}
applied() {
    local first last
    first=$(applying $(($1 - 2)) | count branch1)
    last=$(applying "$1" | count branch1)
    echo $(((last - first) / (2 * few)))
}
# A tick of one row: what stands around the rows.
applied_alone() {
    local first last
    first=$(applying $((9 + alone / 2)) | count branch1)
    last=$(applying $((9 + alone)) | count branch1)
    echo $(((last - first) / (alone - alone / 2)))
}

# A tick of one change, made and read as the relay does.
ticking() {
    local n
    echo "PREPARE making AS SELECT tick, previous, created_us, encoding, changes, body FROM officesync.next_tick(0, true);"
    for n in $(seq "$1"); do
        insert sales $((20000 + n)) $((20000 + n))
        if [ "$2" = ticks ]; then echo "EXECUTE making;"; fi
    done
}
ticked() {
    local -A total
    local what n
    for what in ticks alone; do
        for n in 10 40; do total[$what$n]=$(ticking $n $what | count head); done
    done
    echo $(((total[ticks40] - total[ticks10] - total[alone40] + total[alone10]) / 30))
}

transactions() {
    local short long
    short=$(small "$1" 100 | count head)
    long=$(small "$1" 400 | count head)
    echo $(((long - short) / 300))
}

line() { printf '%-32s %12s %12s\n' "$@"; }
compare() { line "$1" "$2" $(($3 - $2)); }

prepare
declare -A plain
line 'instructions' PostgreSQL officesync
for what in insert update delete; do
    first=1
    if [ $what = insert ]; then first=20001; fi
    plain[$what]=$(bulk $what plain $first)
    compare "capture: $what, a row" "${plain[$what]}" "$(bulk $what sales $first)"
done
compare 'capture: a small transaction' "$(transactions plain)" "$(transactions sales)"
last=0
for what in insert update delete; do
    last=$((last + 3))
    compare "apply: $what, a row" "${plain[$what]}" "$(applied $last)"
done
line 'make and read a tick of one row' - "$(ticked)"
line 'apply: a tick of one row' - "$(applied_alone)"

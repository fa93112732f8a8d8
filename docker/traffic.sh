# Sourced behind environment.sh: traffic at the offices of the company that runs, and its verdict.
# shellcheck shell=bash disable=SC2154  # environment.sh sets what is not set here
offices=(head lyon nice)
books=$(mktemp -d "${TMPDIR:-/tmp}/officesync-traffic.XXXXXX")
writers=()

# start_traffic SECONDS: two sessions at every office write for so long.
start_traffic() {
    local office
    writers=()
    for office in "${offices[@]}"; do
        "$docker" exec -i "$(container "$office-database")" pgbench -n -f - -T "$1" -c 2 -R 60 -D "office=$office" \
            -h /run/postgresql -U postgres office <docker/traffic.sql >"$books/$office" 2>&1 &
        writers+=($!)
    done
}

# stop_traffic: waits for its end; each office's transactions are in its book.
stop_traffic() {
    local writer
    for writer in "${writers[@]}"; do wait "$writer" || true; done
}

committed() { sed -nE 's/^number of transactions actually processed: ([0-9]+).*/\1/p' "$books/$1"; }
counted() { sql "$1" -c "SELECT coalesce(sum(value), 0) FROM counters WHERE office LIKE '$2/%'"; }

nothing_waits() {
    local office
    for office in "${offices[@]}"; do
        relay "$office" status --json --rates 0 | grep -q '"unsent_changes":false,"ticks":0,' || return 1
    done
}

all_equal() {
    local office first='' digest
    nothing_waits || return 1
    for office in "${offices[@]}"; do
        digest=$(sql "$office" <docker/digest.sql) || return 1
        [ -n "$digest" ] && [ "$digest" = "${first:=$digest}" ] || return 1
    done
}

show() {
    local office
    for office in "${offices[@]}"; do
        echo
        relay "$office" status --rates "${1:-0}" || true
    done
    echo
}

# settle SECONDS: waits until all offices hold the same rows and nothing is on the way; false when they do not.
settle() {
    local deadline=$((SECONDS + $1))
    until all_equal; do
        if [ $SECONDS -ge $deadline ]; then
            show
            for office in "${offices[@]}"; do echo "$office:"; sql "$office" <docker/digest.sql; done
            return 1
        fi
        sleep 1
    done
}

#!/bin/sh
# Ends the processes a run of the harness started, by the pid files it wrote, and nothing else.
#
#   reap.sh DIRECTORY          end them now
#   reap.sh DIRECTORY --wait   first wait until standard input closes (the run has ended, in whatever way)
#
# A pid file is DIRECTORY/pids/PID and holds "PID START SIGNAL NAME". START is the process's start time in clock
# ticks since boot: a number the kernel has meanwhile given to someone else does not match, and is left alone.
# DIRECTORY is removed afterwards unless it holds a file named `keep` (a failed test keeps its logs).
set -u
directory=$1
if [ "${2:-}" = "--wait" ]; then
    trap '' INT HUP TERM
    cat >/dev/null
fi

started() {
    # Field 22 of the stat line; the name before it may hold spaces, so it is cut off at its closing bracket.
    sed -n 's/^.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# Sends signal $1 (or each file's own when empty) to what still runs; tells whether anything did.
send() {
    alive=1
    for file in "$directory"/pids/*; do
        [ -f "$file" ] || continue
        read -r pid start signal name <"$file" || continue
        [ "$(started "$pid")" = "$start" ] || continue
        # A zombie has ended; only its parent can take it away.
        case "$(sed -n 's/^.*) //p' "/proc/$pid/stat" 2>/dev/null)" in Z*) continue ;; esac
        alive=0
        case "${1:-}" in
        0) ;;
        '') kill "-$signal" "$pid" 2>/dev/null ;;
        *) kill "-$1" "$pid" 2>/dev/null ;;
        esac
    done
    return $alive
}

send ''
tries=0
while send 0; do
    tries=$((tries + 1))
    if [ $tries -gt 150 ]; then
        send KILL
        break
    fi
    sleep 0.1
done
if [ ! -e "$directory/keep" ]; then
    rm -rf "$directory"
fi
exit 0

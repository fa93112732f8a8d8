#!/usr/bin/env bash
# test.sh: builds the images and runs a company of its own in containers: the demo, hardening, killed containers, refused
# certificates and passwords, one branch more. Everything it starts is removed again, but for the images.
#
# With --if-ready it runs only where a container engine answers and the images of this source are there (as `make test`
# wants it), and says why it does not. OFFICESYNC_DOCKER_TEST=yes builds in any case, =no skips.
set -euo pipefail

cd "$(dirname "$0")/.."
PROJECT=${PROJECT:-officesync-test}
SECRETS=${SECRETS:-target/docker/secrets-test}
. docker/environment.sh

skip() {
    echo "docker-test: SKIPPED: $1"
    exit 0
}
if [ "${1:-}" = --if-ready ] && [ "${OFFICESYNC_DOCKER_TEST:-}" != yes ]; then
    [ "${OFFICESYNC_DOCKER_TEST:-}" != no ] || skip "OFFICESYNC_DOCKER_TEST=no"
    command -v "$docker" >/dev/null || skip "there is no container engine ($docker)"
    timeout 20 "$docker" info >/dev/null 2>&1 || skip "no container engine answers ($docker info)"
    "${compose_command[@]}" version >/dev/null 2>&1 || skip "there is no docker compose"
    command -v openssl >/dev/null || skip "there is no openssl"
    digest=$(source_digest)
    for image in relay postgres broker; do
        found=$("$docker" image inspect -f '{{index .Config.Labels "officesync.source"}}' "officesync-$image:$tag" 2>/dev/null) || found=
        [ "$found" = "$digest" ] || skip "the images of this source are not built; \`make docker-test\` builds them"
    done
    export BUILD=no
fi
engine_answers || fail "no container engine answers ($docker info)"
. docker/traffic.sh

passed=()
ok() {
    passed+=("$1")
    echo "ok - $1"
}
finish() {
    local status=$?
    rm -rf "$books"
    if [ $status -ne 0 ]; then
        for service in broker {head,lyon,nice}-{database,relay}; do
            echo "--- $service"
            "$docker" logs --tail 15 "$(container $service)" 2>&1 | cut -c 1-400 || true
        done
    fi
    VOLUMES=yes docker/down.sh >/dev/null 2>&1 || true
    rm -rf "$SECRETS"
    if [ $status -eq 0 ]; then
        echo "docker-test: ${#passed[@]} passed, 0 failed ($DEBIAN, PostgreSQL $POSTGRES, ${SECONDS} s)"
    else
        echo "docker-test: FAILED after: ${passed[*]:-nothing} (${SECONDS} s)" >&2
    fi
}
trap finish EXIT
export PROJECT SECRETS

VOLUMES=yes docker/down.sh >/dev/null 2>&1 || true
rm -rf "$SECRETS"
docker/up.sh
ok "a company comes up in its order"

docker/demo.sh
ok "the demo ends with every office equal"

# --- hardening ---
for service in broker {head,lyon,nice}-{database,relay}; do
    id=$(container "$service")
    found=$("$docker" inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Privileged}}' "$id")
    [ "$found" = "true [ALL] [no-new-privileges:true] false" ] || fail "$service is not hardened: $found"
    [ "$("$docker" exec "$id" id -u)" != 0 ] || fail "$service runs as root"
    ! "$docker" exec "$id" sh -c 'echo x >/officesync-test' 2>/dev/null || fail "$service can write to its root"
    capabilities=$("$docker" exec "$id" sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ "$capabilities" = 0000000000000000 ] || fail "$service has capabilities: $capabilities"
    [ -z "$("$docker" port "$id")" ] || fail "$service publishes a port"
done
size() { "$docker" image inspect -f '{{.Size}}' "$1"; }
base=${BASE_IMAGE:-debian:$DEBIAN-slim}
"$docker" image inspect "$base" >/dev/null 2>&1 && ! "$docker" image inspect "officesync-base:$DEBIAN" >/dev/null 2>&1 || base=officesync-base:$DEBIAN
over=$((($(size "officesync-relay:$tag") - $(size "$base")) / 1000000))
[ $over -lt 60 ] || fail "the relay's image is $over MB over its base"
ok "containers are non-root, read-only, without capabilities; the relay is $over MB over its base"

offices_of() { "$docker" inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' "$(container "$1")" | xargs -n 1 | sort | xargs; }
[ "$(offices_of lyon-database)" = "${project}_lyon" ] || fail "lyon's database is on $(offices_of lyon-database)"
[ "$(offices_of broker)" = "${project}_broker" ] || fail "the broker is on $(offices_of broker)"
[ "$(offices_of lyon-relay)" = "${project}_broker ${project}_lyon" ] || fail "lyon's relay is on $(offices_of lyon-relay)"
ok "each office has a network of its own, which only its relay shares with the broker's"

# --- who is refused ---
# intruder SETTING...: lyon's relay, as `run` starts it the first time, with other settings; succeeds when it is refused.
# A folder of secrets is put together for it.
intruder=$SECRETS/intruder
as_lyon() {
    rm -rf "$intruder"
    cp -r "$SECRETS/lyon/relay" "$intruder"
    chmod -R a+rX "$intruder"
}
try_relay() {
    local id status=0
    id=$("$docker" create --network "${project}_broker" -v "$intruder:/run/secrets:ro" --read-only --cap-drop ALL "$@" \
        -e OFFICESYNC_DATABASE_URL_FILE=/run/secrets/database-url -e OFFICESYNC_DATABASE_CA_FILE=/run/secrets/ca.crt \
        -e OFFICESYNC_AMQP_URL_FILE=/run/secrets/amqp-url -e OFFICESYNC_AMQP_CA_FILE=/run/secrets/ca.crt \
        "officesync-relay:$tag" run)
    "$docker" network connect "${project}_lyon" "$id"
    "$docker" start "$id" >/dev/null
    status=$(timeout 60 "$docker" wait "$id") || status="still running"
    "$docker" logs "$id" >"$books/intruder" 2>&1
    "$docker" rm -f "$id" >/dev/null
    [ "$status" = "${expected:-3}" ] || { tail -n 5 "$books/intruder"; fail "a relay that should be refused ended with: $status"; }
}
said() { grep -qE "$1" "$books/intruder" || { tail -n 5 "$books/intruder"; fail "the refusal does not say $1"; }; }
certificates=(-e OFFICESYNC_AMQP_CERT_FILE=/run/secrets/client.crt -e OFFICESYNC_AMQP_KEY_FILE=/run/secrets/client.key)
# The relay that runs would hold the lead, and the other would stand by before it meets the broker.
compose stop lyon-relay >/dev/null 2>&1

as_lyon
cp "$SECRETS/nice/relay"/client.* "$intruder/"
try_relay "${certificates[@]}"
said 'may not use it|ACCESS.REFUSED|access_refused|not allowed'
ok "another branch's certificate is refused by the broker"

as_lyon
sed "s/:[^:@/]*@/:$(cat "$SECRETS/nice/database/relay-password")@/" "$SECRETS/lyon/relay/database-url" >"$intruder/database-url"
try_relay "${certificates[@]}"
said 'password authentication failed'
ok "another branch's password is refused by the database"

# look_into_queue SETTING...: looks into lyon's own queue as lyon; says the exit code. A link that fails is tried again
# for ever by `run`, but not by `peek`.
look_into_queue() {
    local id status
    id=$("$docker" create --network "${project}_broker" -v "$intruder:/run/secrets:ro" --read-only --cap-drop ALL "$@" \
        -e OFFICESYNC_AMQP_URL_FILE=/run/secrets/amqp-url -e OFFICESYNC_AMQP_CA_FILE=/run/secrets/ca.crt \
        "officesync-relay:$tag" peek queue officesync.branch.lyon)
    "$docker" start "$id" >/dev/null
    status=$(timeout 60 "$docker" wait "$id") || status="still running"
    "$docker" logs "$id" >"$books/intruder" 2>&1
    "$docker" rm -f "$id" >/dev/null
    echo "$status"
}
refused() {
    local status
    status=$(look_into_queue "$@")
    case $status in
        1 | 3) ;;
        *) cat "$books/intruder"; fail "a look into the queue ended with: $status" ;;
    esac
}
as_lyon
[ "$(look_into_queue "${certificates[@]}")" = 0 ] || { cat "$books/intruder"; fail "lyon itself may not look into its queue"; }
ok "lyon's own certificate is taken"

for branch in lyon nice; do
    as_lyon
    echo "amqps://$branch:$(cat "$SECRETS/$branch/database/relay-password")@broker:5671/%2f" >"$intruder/amqp-url"
    refused "${certificates[@]}"
done
ok "a password is refused by the broker, another branch's too"

as_lyon
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=lyon -keyout "$intruder/client.key" \
    -out "$intruder/client.crt" 2>/dev/null
chmod a+r "$intruder"/*
refused "${certificates[@]}"
ok "a certificate of another authority is refused by the broker"
as_lyon
refused
ok "no certificate is refused by the broker"
as_lyon
echo "amqp://lyon@broker:5672/%2f?auth_mechanism=external" >"$intruder/amqp-url"
refused -e OFFICESYNC_ALLOW_PLAINTEXT=true
ok "a connection to the broker without TLS is refused"

as_lyon
sed 's/sslmode=verify-full/sslmode=disable/' "$SECRETS/lyon/relay/database-url" >"$intruder/database-url"
try_relay "${certificates[@]}" -e OFFICESYNC_ALLOW_PLAINTEXT=true
said 'no encryption|pg_hba'
ok "a connection to the database without TLS is refused"
compose start lyon-relay >/dev/null 2>&1 || compose up -d >/dev/null 2>&1

# --- killed containers ---
# `docker kill` tells the engine that the stop was wanted, and no policy starts the container again. So the process dies
# as it does when memory runs out: by the kernel.
kill_container() {
    local id pid began
    id=$(container "$1")
    began=$("$docker" inspect -f '{{.State.StartedAt}}' "$id")
    pid=$("$docker" inspect -f '{{.State.Pid}}' "$id")
    kill -9 "$pid" 2>/dev/null || "$docker" run --rm --privileged --pid=host --user 0 --entrypoint sh "officesync-relay:$tag" -c "kill -9 $pid"
    restarted() { [ "$("$docker" inspect -f '{{.State.StartedAt}} {{.State.Running}}' "$id")" != "$began true" ] && healthy "$id"; }
    until_true 120 "$1 to be started again by its policy" restarted
}
for victim in lyon-relay lyon-database head-relay broker; do
    start_traffic 6
    sleep 2
    kill_container "$victim"
    stop_traffic
    settle 120 || fail "the offices are not equal after $victim was killed"
    ok "$victim is killed under traffic, started again by its policy, and all is equal"
done

# --- one branch more ---
state() { for service in broker {head,lyon,nice}-{database,relay}; do "$docker" inspect -f '{{.Id}} {{.State.StartedAt}}' "$(container "$service")"; done; }
before=$(state)
docker/branch.sh sfax
[ "$before" = "$(state)" ] || fail "adding a branch touched the others"
at_sfax() { "$docker" exec -i "$(container database "$project-sfax")" psql -X -q -A -t -h /run/postgresql -U postgres office -c "$1"; }
known() { [ "$(at_sfax 'SELECT count(*) FROM officesync.inbox_position()')" = 1 ]; }
until_true 60 "sfax to be welcome at the head" known
sql head -c "INSERT INTO products VALUES (gen_random_uuid(), 'for sfax', 1)"
at_sfax "INSERT INTO products VALUES (gen_random_uuid(), 'from sfax', 1)"
arrived() { [ "$(at_sfax "SELECT count(*) FROM products WHERE name = 'for sfax'")" = 1 ]; }
passed_on() { [ "$(sql nice -c "SELECT count(*) FROM products WHERE name = 'from sfax'")" = 1 ]; }
until_true 60 "a change of the head at sfax" arrived
until_true 60 "a change of sfax at nice" passed_on
[ "$before" = "$(state)" ] || fail "a new branch at work touched the others"
ok "one branch more, with no change to any other office"

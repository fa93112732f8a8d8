# Sourced by the other scripts here, from the project's root: which engine, which images, which company. All of it can
# be set from outside.
# shellcheck shell=bash
docker=${DOCKER:-docker}
project=${PROJECT:-officesync}
DEBIAN=${DEBIAN:-bookworm}
case $DEBIAN in
    bookworm) POSTGRES=${POSTGRES:-15} ;;
    trixie) POSTGRES=${POSTGRES:-17} ;;
    *) : "${POSTGRES:?set POSTGRES to the major version that Debian $DEBIAN has}" ;;
esac
RUST=${RUST:-1.95}
version=$(sed -nE 's/^version *= *"([^"]+)".*/\1/p' Cargo.toml | head -n 1)
tag=$version-$DEBIAN
# Where the secrets are; compose wants it absolute.
SECRETS=$(realpath -m "${SECRETS:-docker/secrets}")
export DOCKER=$docker DEBIAN POSTGRES RUST SECRETS TAG=$tag PROJECT=$project

say() { printf 'docker: %s\n' "$*"; }
fail() {
    printf 'docker: %s\n' "$*" >&2
    exit 1
}

engine_answers() { "$docker" info >/dev/null 2>&1; }

# `docker compose` where it is, else the older `docker-compose`.
if "$docker" compose version >/dev/null 2>&1; then
    compose_command=("$docker" compose)
else
    compose_command=(docker-compose)
fi
compose() { "${compose_command[@]}" -f docker/compose.yaml -p "$project" "$@"; }
branch_compose() {
    local name=$1
    shift
    NAME=$name "${compose_command[@]}" -f docker/branch.yaml -p "$project-$name" "$@"
}

# container SERVICE [PROJECT]: its id; nothing where there is none.
container() {
    "$docker" ps -aq --no-trunc --filter "label=com.docker.compose.project=${2:-$project}" \
        --filter "label=com.docker.compose.service=$1" | head -n 1
}

# sql OFFICE [ARGUMENT...]: psql in the office's database, as its administrator.
sql() {
    local office=$1
    shift
    "$docker" exec -i "$(container "$office-database")" psql -X -q -A -t -v ON_ERROR_STOP=1 -h /run/postgresql -U postgres office "$@"
}

# relay OFFICE ARGUMENT...: the office's relay program, in its own container.
relay() {
    local office=$1
    shift
    "$docker" exec "$(container "$office-relay")" officesync-relay "$@"
}

# until_true SECONDS WHAT COMMAND...: waits for it.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "waited in vain for $what"
        sleep 0.5
    done
}

healthy() { [ "$("$docker" inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]; }

# What the images are made of, as one word: images that bear another are of another state of the source.
source_digest() {
    git ls-files -z Cargo.toml Cargo.lock .dockerignore wire extension relay sql scripts/assemble-sql.sh docker/Dockerfile \
        docker/postgres docker/rabbitmq | xargs -0 sha256sum | sha256sum | cut -c 1-16
}

#!/usr/bin/env bash
# build.sh [TARGET...]: builds the images officesync-relay, officesync-postgres and officesync-broker (or only those
# named), tagged with the version and the Debian suite. DEBIAN=bookworm POSTGRES=15 (or trixie 17) chooses. Where the
# base images can't be pulled they are made from Debian's packages: docker/base-images.sh. DOCKER_BUILD_ARGS adds
# arguments to `docker build`, for instance a mirror or --network=host.
set -euo pipefail

cd "$(dirname "$0")/.."
. docker/environment.sh
engine_answers || fail "no container engine answers ($docker info)"

base=${BASE_IMAGE:-debian:$DEBIAN-slim}
rust=${RUST_IMAGE:-rust:$RUST-slim-$DEBIAN}
available() { "$docker" image inspect "$1" >/dev/null 2>&1 || timeout 300 "$docker" pull -q "$1" >/dev/null 2>&1; }
if [ -z "${BASE_IMAGE:-}${RUST_IMAGE:-}" ] && ! { available "$base" && available "$rust"; }; then
    say "$base and $rust can't both be pulled here; using images of our own"
    docker/base-images.sh "$DEBIAN"
    base=officesync-base:$DEBIAN
    rust=officesync-rust:$DEBIAN
fi

digest=$(source_digest)
mkdir -p target/docker
build() {
    local log=target/docker/build-$1-$DEBIAN.log
    say "building officesync-$1:$tag (log: $log)"
    # shellcheck disable=SC2086  # several arguments on purpose
    DOCKER_BUILDKIT=1 "$docker" build --progress=plain -f docker/Dockerfile --target "$1" -t "officesync-$1:$tag" \
        --label "org.opencontainers.image.version=$version" --label "officesync.source=$digest" \
        --build-arg DEBIAN="$DEBIAN" --build-arg POSTGRES="$POSTGRES" --build-arg RUST="$RUST" \
        --build-arg BASE_IMAGE="$base" --build-arg RUST_IMAGE="$rust" ${DOCKER_BUILD_ARGS:-} . >"$log" 2>&1 ||
        { tail -n 40 "$log" >&2; fail "officesync-$1 could not be built"; }
}
if [ $# -eq 0 ]; then set -- relay postgres broker; fi
for target in "$@"; do build "$target"; done

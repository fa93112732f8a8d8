#!/usr/bin/env bash
# up.sh: makes secrets and images where they are missing, starts the company and waits until all of it is healthy.
# BUILD=no keeps the images as they are.
set -euo pipefail

cd "$(dirname "$0")/.."
. docker/environment.sh
engine_answers || fail "no container engine answers ($docker info)"
docker/secrets.sh lyon nice
if [ "${BUILD:-yes}" = yes ]; then docker/build.sh; fi
compose up -d
for service in broker {head,lyon,nice}-{database,relay}; do
    until_true 180 "$service to be healthy" healthy "$(container "$service")"
done
for office in head lyon nice; do
    until_true 60 "the relay of $office to be ready" relay "$office" healthy --ready
done
say "all is up; for instance"
say "  $docker exec $(container lyon-database | cut -c 1-12) psql -h /run/postgresql -U postgres office -c 'TABLE counters'"
say "  $docker exec $(container lyon-relay | cut -c 1-12) officesync-relay status"

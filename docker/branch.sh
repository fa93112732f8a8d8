#!/usr/bin/env bash
# branch.sh NAME: adds a branch to the company that runs: its secrets, its user at the broker, its database and relay.
# Run again, it brings the same branch up again. No other office is touched.
set -euo pipefail

cd "$(dirname "$0")/.."
. docker/environment.sh
name=${1:?usage: branch.sh NAME}
engine_answers || fail "no container engine answers ($docker info)"
case $name in head | lyon | nice) fail "$name is part of compose.yaml" ;; esac
[ -n "$(container broker)" ] || fail "the company is not up: make docker-up"
docker/secrets.sh "$name" >/dev/null

broker() { "$docker" exec "$(container broker)" /etc/officesync-broker/start.sh ctl "$@"; }
broker list_users | cut -f 1 | grep -qx "$name" || broker add_user "$name" "$(openssl rand -hex 24)"
broker clear_password "$name"
broker set_permissions "$name" "^officesync\\.branch\\.$name\$" "^officesync\\.(up|branch\\.$name)\$" "^officesync\\.(down|branch\\.$name)\$"

branch_compose "$name" up -d
until_true 180 "the relay of $name to be healthy" healthy "$(container relay "$project-$name")"
until_true 60 "the relay of $name to be ready" "$docker" exec "$(container relay "$project-$name")" officesync-relay healthy --ready
say "branch $name is up"

#!/usr/bin/env bash
# Starts the PostgreSQL of one office. The first time it makes the cluster, the database, the extension and the relay's
# role; every time it takes the relay's password from its secret, so that changing the secret and starting again rotates it.
#
#   OFFICE, ROLE       this office's name; head or branch (needed)
#   DATABASE           the database, "office" unless set
#   SECRETS            where the secrets are, /run/secrets unless set: database-password, relay-password,
#                      server.crt, server.key
#   SETUP              a folder of .sql files run in the new database in the order of their names, /setup unless set
set -euo pipefail

database=${DATABASE:-office}
if [ "${1:-}" = healthy ]; then
    # Over TCP: while the cluster is being made, the server listens on its socket only.
    exec pg_isready -q -h 127.0.0.1 -d "$database"
fi

: "${OFFICE:?set OFFICE to the name of this office}" "${ROLE:?set ROLE to head or branch}"
secrets=${SECRETS:-/run/secrets}
data=${PGDATA:?}

# PostgreSQL wants its key to be its own; a secret belongs to whoever wrote it.
private=/run/postgresql/tls
install -d -m 700 "$private"
install -m 600 "$secrets/server.key" "$secrets/server.crt" "$private/"

sql() { psql -X -q -v ON_ERROR_STOP=1 -h /run/postgresql -U postgres "$@"; }
inside() { pg_ctl -D "$data" -s -w -o "-c listen_addresses='' -c ssl=off" "$@"; }

set_passwords() {
    # psql quotes the values; they come from files and stand on no command line.
    sql -d "$database" <<'SQL'
\set password `cat "$SECRETS"/database-password`
ALTER ROLE postgres PASSWORD :'password';
\set password `cat "$SECRETS"/relay-password`
ALTER ROLE relay PASSWORD :'password';
SQL
}

make_cluster() {
    initdb -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 --auth=peer --data-checksums >/dev/null
    cat >>"$data/postgresql.conf" <<'CONFIGURATION'
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
hba_file = '/usr/local/lib/officesync/pg_hba.conf'
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '/run/postgresql/tls/server.crt'
ssl_key_file = '/run/postgresql/tls/server.key'
CONFIGURATION
}

make_office() {
    sql -d postgres -v database="$database" <<'SQL'
CREATE DATABASE :"database";
CREATE ROLE relay LOGIN NOSUPERUSER;
SQL
    sql -d "$database" -v office="$OFFICE" -v role="$ROLE" <<'SQL'
CREATE EXTENSION officesync;
SELECT officesync.set_office(:'office', :'role');
SELECT officesync.grant_relay('relay');
SQL
    local file
    for file in "${SETUP:-/setup}"/*.sql; do
        if [ -f "$file" ]; then sql -d "$database" -f "$file"; fi
    done
}

export SECRETS=$secrets
# The file stands when all is made: a first start that was interrupted is begun again.
if [ ! -f "$data/officesync.ready" ]; then
    echo "making the database of office $OFFICE"
    find "$data" -mindepth 1 -delete
    make_cluster
    inside start
    make_office >/dev/null
    set_passwords
    inside stop
    touch "$data/officesync.ready"
else
    inside start
    set_passwords
    inside stop
fi
exec postgres -D "$data"

#!/usr/bin/env bash
# secrets.sh [BRANCH...]: makes what is missing of the secrets of a company: a certificate authority, the broker's
# certificate, and for the head and each branch the database's certificate and passwords, and the relay's certificate
# and addresses. What is there is kept; remove a file and run this again to have it made anew.
#
# Every container gets one folder, and so nothing of another's. The files can be read by all, because containers run as
# users of their own; the folder around them (SECRETS, docker/secrets unless set) is the owner's alone.
set -euo pipefail

cd "$(dirname "$0")/.."
. docker/environment.sh
umask 022
if [ $# -eq 0 ]; then set -- lyon nice; fi
mkdir -p "$SECRETS"
chmod 700 "$SECRETS"
authority=$SECRETS/authority
days=${DAYS:-825}

key() { [ -f "$1" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# certificate FOLDER FILE COMMON_NAME USAGE [ALTERNATIVE_NAME]
certificate() {
    local folder=$1 file=$2 name=$3 usage=$4 alternative=${5:-}
    mkdir -p "$folder"
    key "$folder/$file.key"
    [ -f "$folder/$file.crt" ] && return
    openssl req -new -key "$folder/$file.key" -subj "/O=officesync/CN=$name" |
        openssl x509 -req -days "$days" -CA "$authority/ca.crt" -CAkey "$authority/ca.key" -CAcreateserial \
            -out "$folder/$file.crt" -extfile <(
                echo "basicConstraints=critical,CA:FALSE"
                echo "keyUsage=critical,digitalSignature"
                echo "extendedKeyUsage=$usage"
                if [ -n "$alternative" ]; then echo "subjectAltName=$alternative"; fi
            ) 2>/dev/null
    # Readable in the container, whoever it runs as.
    chmod 644 "$folder/$file.key" "$folder/$file.crt"
}

password() { [ -f "$1" ] || (openssl rand -hex 24 >"$1"); }

office() {
    local office=$1 database=$SECRETS/$1/database relay=$SECRETS/$1/relay
    [[ $office =~ ^[a-z0-9_-]{1,63}$ && $office != all ]] || fail "$office is no name for an office"
    mkdir -p "$database" "$relay"
    certificate "$database" server "$office-database" serverAuth "DNS:$office-database"
    password "$database/database-password"
    password "$database/relay-password"
    certificate "$relay" client "$office" clientAuth
    cp "$authority/ca.crt" "$relay/"
    echo "postgres://relay:$(cat "$database/relay-password")@$office-database:5432/office?sslmode=verify-full" >"$relay/database-url"
    echo "amqps://$office@broker:5671/%2f?auth_mechanism=external" >"$relay/amqp-url"
}

if [ ! -f "$authority/ca.crt" ]; then
    mkdir -p -m 700 "$authority"
    key "$authority/ca.key"
    chmod 600 "$authority/ca.key"
    openssl req -x509 -new -key "$authority/ca.key" -days 3650 -subj "/O=officesync/CN=officesync authority" -out "$authority/ca.crt" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
fi
certificate "$SECRETS/broker" server broker serverAuth DNS:broker
cp "$authority/ca.crt" "$SECRETS/broker/"
for name in head "$@"; do office "$name"; done

# Users have no password: their certificate tells who they are. These are the offices that compose.yaml has; others are
# let in by docker/branch.sh.
if [ ! -f "$SECRETS/broker/definitions.json" ]; then
    users='{"name":"head","password_hash":"","tags":""}'
    granted='{"user":"head","vhost":"/","configure":"^officesync\\.","write":"^officesync\\.","read":"^officesync\\."}'
    for name in "$@"; do
        users="$users,{\"name\":\"$name\",\"password_hash\":\"\",\"tags\":\"\"}"
        granted="$granted,{\"user\":\"$name\",\"vhost\":\"/\",\"configure\":\"^officesync\\\\.branch\\\\.$name\$\",\"write\":\"^officesync\\\\.(up|branch\\\\.$name)\$\",\"read\":\"^officesync\\\\.(down|branch\\\\.$name)\$\"}"
    done
    echo "{\"vhosts\":[{\"name\":\"/\"}],\"users\":[$users],\"permissions\":[$granted]}" >"$SECRETS/broker/definitions.json"
fi
say "the secrets are in $SECRETS"

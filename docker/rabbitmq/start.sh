#!/usr/bin/env bash
# Starts RabbitMQ with the secrets server.crt, server.key, ca.crt and definitions.json (users and what they may do).
set -euo pipefail

export HOME=/var/lib/rabbitmq RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_ALLOW_INPUT=1 \
    RABBITMQ_CONFIG_FILE=/etc/officesync-broker/rabbitmq.conf \
    RABBITMQ_ENABLED_PLUGINS_FILE=/etc/officesync-broker/enabled_plugins \
    RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_LOGS=- \
    RABBITMQ_MNESIA_BASE=/var/lib/rabbitmq/mnesia RABBITMQ_LOG_BASE=/tmp \
    RABBITMQ_SCHEMA_DIR=/tmp/schema RABBITMQ_GENERATED_CONFIG_DIR=/tmp/generated \
    RABBITMQ_PID_FILE=/tmp/rabbitmq.pid \
    ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
library=/usr/lib/rabbitmq/bin

case ${1:-} in
    healthy) exec "$library/rabbitmq-diagnostics" -q check_port_connectivity ;;
    ctl) shift; exec "$library/rabbitmqctl" -q "$@" ;;
esac

mkdir -p /tmp/schema /tmp/generated
install -d -m 700 /var/lib/rabbitmq/tls
install -m 600 /run/secrets/server.crt /run/secrets/server.key /var/lib/rabbitmq/tls/
exec "$library/rabbitmq-server" -noinput

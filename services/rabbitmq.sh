#!/usr/bin/env bash
# RabbitMQ from Debian's package, run by the current user with its own configuration, cookie, data and epmd.
. "$(dirname "$0")/common.sh"

port=${RABBITMQ_PORT:-19672}
epmd=${RABBITMQ_EPMD_PORT:-19369}
distribution=${RABBITMQ_DISTRIBUTION_PORT:-19673}
program=/usr/lib/rabbitmq/bin/rabbitmq-server # the one on PATH changes to the user rabbitmq
ports=("$distribution" "$port")
# With input allowed the script is replaced by the Erlang machine instead of waiting for it; -noinput then disables the Erlang shell.
server=(env "PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH" "HOME=$home/data" "ERL_EPMD_PORT=$epmd" RABBITMQ_ALLOW_INPUT=1
    RABBITMQ_NODENAME=tests@localhost "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1" "RABBITMQ_NODE_PORT=$port" "RABBITMQ_DIST_PORT=$distribution"
    "RABBITMQ_MNESIA_BASE=$home/data" "RABBITMQ_LOG_BASE=$home" RABBITMQ_LOGS=- "RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf"
    "RABBITMQ_CONF_ENV_FILE=$home/rabbitmq-env.conf" "RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins"
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-noinput -kernel inet_dist_use_interface {127,0,0,1}" "$program")

install() { [ -x "$program" ] || refuse "RabbitMQ is missing: install Debian's rabbitmq-server (as root, \`make services\` does)"; }

prepare() {
    # the write-ahead log of quorum queues takes 512 MB by default
    printf '%s\n' 'raft.wal_max_size_bytes = 33554432' 'disk_free_limit.absolute = 50MB' >"$home/rabbitmq.conf"
    echo '[].' >"$home/enabled_plugins"
    : >"$home/rabbitmq-env.conf"
    # started here, so that `down` can stop it: an epmd that RabbitMQ starts outlives it
    alive "$home/epmd.pid" || launch "$home/epmd.pid" epmd -address 127.0.0.1 -port "$epmd"
}

finish() { end "$home/epmd.pid" TERM; }

addresses() { echo "TEST_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:$port/"; }

main "$@"

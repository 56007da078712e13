#!/usr/bin/env bash
# Toxiproxy: proxies that are created over HTTP and delay, cut or stall the connections to a server.
. "$(dirname "$0")/common.sh"

port=${TOXIPROXY_PORT:-19474}
version=v2.5.0
program=$kept/bin/toxiproxy-$version
ports=("$port")
server=("$program" -host 127.0.0.1 -port "$port")

install() { go_install "github.com/Shopify/toxiproxy/v2/cmd/server@$version" "$program"; }

addresses() { echo "TEST_TOXIPROXY_URL=http://127.0.0.1:$port"; }

main "$@"

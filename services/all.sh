#!/usr/bin/env bash
# Says the same word (up, down, kill9, wipe, status) to all servers at once; fails when one of them does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
word=${1:?usage: $0 up|down|kill9|wipe|status}

[ "$word" != up ] || "$here/packages.sh"
asked=()
for one in kafka mailpit rabbitmq toxiproxy; do
    "$here/$one.sh" "$word" &
    asked+=($!)
done
failed=0
for process in "${asked[@]}"; do wait "$process" || failed=1; done
exit $failed

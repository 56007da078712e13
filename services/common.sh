# shellcheck shell=bash
# Shared by the scripts of the servers: start, wait for the ports, stop by process id. All files are below .services/<name>, or
# $SERVICES_HOME/<name>.
#
# A script sources this file, sets `ports` (the server has started when all of them answer) and `server` (its command, which must keep
# its process id), defines `install` (download or build, once) and `addresses` (the variables that tests read), may define `prepare`
# (before each start), `ready` (waits until the server does its work) and `finish` (after each stop), and calls `main "$@"`.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=$(basename "$0" .sh)
kept=${SERVICES_HOME:-$root/.services}
home=$kept/$name
patience=${SERVICES_PATIENCE:-120}

refuse() { echo "$name: $*" >&2; exit 1; }

# When a running process started, in clock ticks since boot: another program can have the same process id later.
began() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra stat <<<"${stat##*) }"
    [ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

alive() { # PIDFILE
    local pid ticks
    [ -s "$1" ] && read -r pid ticks <"$1" && [ "$(began "$pid")" = "$ticks" ]
}

launch() { # PIDFILE COMMAND...: a session of its own, so that Ctrl-C in the terminal does not reach it
    setsid "${@:2}" >>"$home/log" 2>&1 </dev/null &
    echo "$! $(began $!)" >"$1"
}

end() { # PIDFILE SIGNAL: SIGKILL follows after 30 s
    local pid tenths
    for tenths in {0..350}; do
        alive "$1" || { rm -f "$1"; return 0; }
        read -r pid _ <"$1"
        case $tenths in 0) kill "-$2" "$pid" ;; 300) kill -KILL "$pid" ;; esac
        sleep 0.1
    done
    refuse "process $pid does not end"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT

wait_for() { # PORT
    local deadline=$((SECONDS + patience))
    until answers "$1"; do
        alive "$home/pid" || { tail -n 20 "$home/log" >&2; refuse "it ended during its start; its output is in $home/log"; }
        [ $SECONDS -lt $deadline ] || refuse "port $1 does not answer after $patience s, see $home/log"
        sleep 0.1
    done
}

find_jdk() { # MAJOR: the folder of a JDK that is at least so new; nothing when there is none
    local folder major
    for folder in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        [ -x "$folder/bin/javac" ] || continue
        major=$("$folder/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
        [ "${major:-0}" -lt "$1" ] || { echo "$folder"; return; }
    done
}

prepare() { :; }
ready() { :; }
finish() { :; }

get() {
    mkdir -p "$home/data"
    install
}

up() {
    if ! alive "$home/pid"; then
        get
        local port
        for port in "${ports[@]}"; do
            ! answers "$port" || refuse "another program uses port $port: stop it, or choose another port (services/README.md)"
        done
        prepare
        launch "$home/pid" "${server[@]}"
        for port in "${ports[@]}"; do wait_for "$port"; done
        ready || refuse "it listens but does not answer, see $home/log"
        addresses >"$home/env"
    fi
    status
}

down() {
    end "$home/pid" TERM
    finish
    rm -f "$home/env"
    status || true
}

status() {
    alive "$home/pid" || { printf '%-10s down\n' "$name"; return 1; }
    local pid
    read -r pid _ <"$home/pid"
    printf '%-10s up, pid %s, %s MB: %s\n' "$name" "$pid" "$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")" "$(paste -sd ' ' "$home/env")"
}

main() {
    case ${1:-} in
        install) get ;;
        up | down) "$1" ;;
        status) status ;;
        kill9) end "$home/pid" KILL ;;
        wipe) down && rm -rf "$home/data" "$home/log" ;;
        *) echo "usage: $0 install|up|down|kill9|wipe|status" >&2; exit 2 ;;
    esac
}

go_install() { # MODULE@VERSION PROGRAM: builds the program once
    [ ! -x "$2" ] || return 0
    local go=$kept/go/go/bin/go made
    [ -x "$go" ] || go=$(command -v go) || refuse "Go is missing: run \`make services\`, which installs it"
    made=$(mktemp -d)
    GOBIN=$made CGO_ENABLED=0 "$go" install "$1" || refuse "$1 cannot be built by $("$go" version)"
    mkdir -p "$(dirname "$2")"
    mv "$made"/* "$2"
    rmdir "$made"
}

# A request to an S3 server at $port, of $user with $secret, signed by curl, which before version 8.12 signs no body by itself.
request() { # METHOD PATH [BODY]
    curl --silent --show-error --fail --max-time 10 --aws-sigv4 aws:amz:us-east-1:s3 --user "$user:$secret" --request "$1" \
        --header "x-amz-content-sha256: $(printf %s "${3:-}" | sha256sum | cut -d ' ' -f 1)" ${3:+--data "$3"} "http://127.0.0.1:$port$2" \
        >/dev/null 2>>"$home/log"
}

make_buckets() { # `files`, and `versions` with versions
    local deadline=$((SECONDS + patience))
    until request GET / && request GET /files || request PUT /files; do
        [ $SECONDS -lt $deadline ] || refuse "it has no buckets after $patience s, see $home/log"
        sleep 0.1
    done
    request GET /versions || request PUT /versions
    request PUT '/versions?versioning=' '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
}

s3_addresses() {
    echo "TEST_S3_URL=s3://$user:$secret@files?endpoint=http://127.0.0.1:$port"
    echo "TEST_S3_VERSIONS_URL=s3://$user:$secret@versions?endpoint=http://127.0.0.1:$port"
}

# shellcheck shell=bash
# What the servers' scripts share: start by pid file, wait for the ports, end by pid; all below .services/<name>, or $SERVICES_HOME/<name>.
#
# A script sources this, sets `ports` (it has started when all of them answer) and `server` (the command, which must keep its
# process id), defines `install` (what has to be got, once) and `addresses` (the variables that tests read), may define `prepare`
# (before each start) and `finish` (after each end), and calls `main "$@"`.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=$(basename "$0" .sh)
kept=${SERVICES_HOME:-$root/.services}
home=$kept/$name
patience=${SERVICES_PATIENCE:-120}

refuse() { echo "$name: $*" >&2; exit 1; }

# When a living process began, in clock ticks since boot: a process id alone may belong to another program by now.
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

end() { # PIDFILE SIGNAL: what has not ended within 30 s is killed
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
        alive "$home/pid" || { tail -n 20 "$home/log" >&2; refuse "it ended while it started; all of it is in $home/log"; }
        [ $SECONDS -lt $deadline ] || refuse "port $1 does not answer after $patience s, see $home/log"
        sleep 0.1
    done
}

prepare() { :; }
finish() { :; }

up() {
    if ! alive "$home/pid"; then
        mkdir -p "$home/data"
        install
        local port
        for port in "${ports[@]}"; do
            ! answers "$port" || refuse "port $port is taken by another program: end that, or choose another (services/README.md)"
        done
        prepare
        launch "$home/pid" "${server[@]}"
        for port in "${ports[@]}"; do wait_for "$port"; done
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
        up | down) "$1" ;;
        status) status ;;
        kill9) end "$home/pid" KILL ;;
        wipe) down && rm -rf "$home/data" "$home/log" ;;
        *) echo "usage: $0 up|down|kill9|wipe|status" >&2; exit 2 ;;
    esac
}

go_install() { # MODULE@VERSION PROGRAM: builds it once
    [ ! -x "$2" ] || return 0
    local go=$kept/go/go/bin/go made
    [ -x "$go" ] || go=$(command -v go) || refuse "Go is missing: run \`make services\`, which gets it"
    made=$(mktemp -d)
    GOBIN=$made CGO_ENABLED=0 "$go" install "$1" || refuse "$1 cannot be built by $("$go" version)"
    mkdir -p "$(dirname "$2")"
    mv "$made"/* "$2"
    rmdir "$made"
}

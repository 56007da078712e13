#!/usr/bin/env bash
# Installs uv into .tools and the environment into .venv, for the Makefile. When a step fails, it prints the last lines of the tool that
# failed and the likely cause.
#
#   tools/setup.sh uv VERSION          installs uv
#   tools/setup.sh sync ARGUMENTS...   runs `uv sync` with ARGUMENTS
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The likely cause of a failure, from what the tool printed.
cause() {
    case $(cat "$log") in
        *"No space left"*) echo "The disk is full: free some space and try again." ;;
        *[Cc]ertificate* | *SSLError* | *UnknownIssuer*)
            echo "A certificate is not trusted. Behind a proxy with a certificate authority of its own, set SSL_CERT_FILE (uv) and PIP_CERT (pip) to its file." ;;
        *"No interpreter found"* | *"No download found"* | *"python-build-standalone"*)
            echo "Python 3.12 or newer is not on PATH or in pyenv, and could not be downloaded. Install it." ;;
        *"dns error"* | *"name resolution"* | *"Name or service not known"* | *"onnection refused"* | *"imed out"* | *"sending request"* | *"unreachable"* | *"Could not find a version"* | *"ailed to fetch"*)
            echo "The package index cannot be reached. Check the network, the proxy (HTTPS_PROXY) and the index (UV_DEFAULT_INDEX for uv, PIP_INDEX_URL for pip)." ;;
        *"Permission denied"* | *"Read-only file system"*)
            echo "A file cannot be written. Check who owns .venv, .tools and uv's cache." ;;
        *"No module named pip"* | *ensurepip*)
            echo "Neither pip nor venv works for $(command -v python3). Install python3-venv." ;;
        *) echo "The lines above say why." ;;
    esac
}

fail() { # WHAT
    echo "$1. The last lines of its output:" >&2
    tail -n 10 "$log" | sed 's/^/    /' >&2
    cause >&2
    exit 1
}

install_uv() { # VERSION
    command -v python3 >/dev/null || { echo "python3 is not installed. Install Python 3." >&2; exit 1; }
    python3 -c '' >"$log" 2>&1 || fail "$(command -v python3) does not run"
    mkdir -p .tools
    local pip=(install --quiet --disable-pip-version-check "uv==$1")
    if python3 -m pip --version >"$log" 2>&1; then
        python3 -m pip "${pip[@]}" --root-user-action=ignore --target .tools/site >"$log" 2>&1 || fail "pip cannot install uv $1"
    else # Debian's Python without pip
        python3 -m venv .tools/venv >>"$log" 2>&1 || fail "venv cannot create an environment for uv $1"
        .tools/venv/bin/pip "${pip[@]}" >"$log" 2>&1 || fail "pip cannot install uv $1"
        mkdir -p .tools/site
        ln -sfn ../venv/bin .tools/site/bin
    fi
    ln -sf site/bin/uv .tools/uv
}

case ${1:-} in
    uv) install_uv "${2:?usage: $0 uv VERSION}" ;;
    sync) .tools/uv sync --quiet --frozen "${@:2}" >"$log" 2>&1 || fail "uv cannot install the packages into .venv" ;;
    *) echo "usage: $0 uv VERSION | sync ARGUMENTS..." >&2; exit 2 ;;
esac

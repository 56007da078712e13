#!/usr/bin/env bash
# ClamAV: Debian's clamd with one signature of our own, that of the EICAR test file. Nothing is downloaded: freshclam does not run.
. "$(dirname "$0")/common.sh"

port=${CLAMAV_PORT:-19330}
ports=("$port")
server=(/usr/sbin/clamd --foreground --config-file "$home/clamd.conf")

install() { [ -x /usr/sbin/clamd ] || refuse "clamd is missing: run \`make services\` as root, or install clamav-daemon"; }

prepare() {
    mkdir -p "$home/data/temporary"
    printf 'Test.Eicar:0:0:%s\n' "$(printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$' 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!' | od -An -tx1 | tr -d ' \n')" >"$home/data/eicar.ndb"
    cat >"$home/clamd.conf" <<CONF
TCPSocket $port
TCPAddr 127.0.0.1
LocalSocket $home/data/socket
DatabaseDirectory $home/data
TemporaryDirectory $home/data/temporary
StreamMaxLength 8M
MaxFileSize 4M
MaxScanSize 16M
AlertExceedsMax yes
MaxThreads 4
CONF
}

addresses() {
    echo "TEST_CLAMAV_URL=clamav://127.0.0.1:$port"
    echo "TEST_CLAMAV_SOCKET_URL=clamav://$home/data/socket"
}

main "$@"

#!/usr/bin/env bash
# Mailpit: an SMTP server that stores mails, shows them over HTTP, and fails on demand (PUT /api/v1/chaos).
. "$(dirname "$0")/common.sh"

smtp=${MAILPIT_SMTP_PORT:-19025}
http=${MAILPIT_HTTP_PORT:-19026}
version=v1.27.11
program=$kept/bin/mailpit-$version
ports=("$smtp" "$http")
server=("$program" --smtp "127.0.0.1:$smtp" --listen "127.0.0.1:$http" --database "$home/data/mailpit.db"
    --max 10000 --enable-chaos --smtp-disable-rdns --disable-version-check)

install() { go_install "github.com/axllent/mailpit@$version" "$program"; }

addresses() {
    echo "TEST_MAIL_URL=smtp://127.0.0.1:$smtp"
    echo "TEST_MAILPIT_URL=http://127.0.0.1:$http"
}

main "$@"

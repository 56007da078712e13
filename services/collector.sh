#!/usr/bin/env bash
# The OpenTelemetry Collector: receives OTLP over HTTP and writes every span with its attributes to its log.
. "$(dirname "$0")/common.sh"

port=${COLLECTOR_PORT:-19318}
version=v0.165.0
stable=v1.71.0 # of the same release
program=$kept/bin/otelcol-$version
ports=("$port")
server=("$program" --config "$home/config.yaml")

install() { # its builder generates the source of a program with the chosen components
    [ ! -x "$program" ] || return 0
    local work
    work=$(mktemp -d)
    cat >"$work/builder.yaml" <<YAML
dist: {name: otelcol, output_path: $work/built}
receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $version}]
exporters: [{gomod: go.opentelemetry.io/collector/exporter/debugexporter $version}]
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider $stable
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider $stable
YAML
    go_install "go.opentelemetry.io/collector/cmd/builder@$version" "$work/builder"
    (cd "$work" && "$work/builder" --config builder.yaml)
    mkdir -p "$kept/bin"
    mv "$work/built/otelcol" "$program"
    rm -rf "$work"
}

prepare() {
    cat >"$home/config.yaml" <<YAML
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:$port"}}}}
exporters: {debug: {verbosity: detailed, sampling_initial: 1000000}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
YAML
}

addresses() { echo "TEST_COLLECTOR_URL=http://127.0.0.1:$port"; echo "TEST_COLLECTOR_LOG=$home/log"; }

main "$@"

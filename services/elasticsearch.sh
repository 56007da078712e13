#!/usr/bin/env bash
# Elasticsearch from Maven Central: the server that Elastic publishes for integration tests. It needs Java 21 and an ordinary user.
#
# Maven Central lacks three of its modules. The plugin in elasticsearch/StandInsPlugin.java provides what the adapter uses of them:
# analyzers over Lucene's own classes, `GET /`, and deletion by query.
. "$(dirname "$0")/common.sh"

port=${ELASTICSEARCH_PORT:-19210}
transport=${ELASTICSEARCH_TRANSPORT_PORT:-19310}
version=9.5.3
source=$root/services/elasticsearch/StandInsPlugin.java
program=$home/elasticsearch-$version
plugin=$program/plugins/standins
jdk=$(find_jdk 21)
ports=("$transport" "$port")
server=("$program/bin/elasticsearch" -d -p "$home/run/server.pid")
user=()
if [ "$(id -u)" = 0 ]; then user=(setpriv --reuid=nobody --regid=nogroup --clear-groups --); fi

install() {
    [ -n "$jdk" ] || refuse "Java 21 or newer is missing: install a JDK below /usr/lib/jvm or set JAVA_HOME"
    if [ ! -d "$program" ]; then
        command -v mvn >/dev/null || refuse "Maven is missing: install Debian's maven (as root, \`make services\` does)"
        rm -rf "$home/part"
        mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack -DoutputDirectory="$home/part" -Dproject.basedir="$home" \
            -Dartifact="org.elasticsearch.distribution.integ-test-zip:elasticsearch:$version:zip" >>"$home/log" 2>&1 ||
            refuse "it cannot be downloaded, see $home/log"
        mv "$home/part/elasticsearch-$version" "$program"
        rm -rf "$home/part"
    fi
    [ ! "$plugin/standins.jar" -nt "$source" ] || return 0
    local made
    made=$(mktemp -d)
    "$jdk/bin/javac" --release 21 -nowarn -cp "$program/lib/*" -d "$made" "$source" >>"$home/log" 2>&1 || refuse "$source cannot be compiled, see $home/log"
    mkdir -p "$plugin"
    "$jdk/bin/jar" -cf "$plugin/standins.jar" -C "$made" .
    rm -rf "$made"
    printf '%s\n' description=stand-ins version=1 name=standins classname=local.standins.StandInsPlugin java.version=21 \
        "elasticsearch.version=$version" >"$plugin/plugin-descriptor.properties"
}

prepare() {
    mkdir -p "$home/run" "$home/config" "$home/logs"
    cp "$program/config/log4j2.properties" "$home/config/"
    sed 's/UseG1GC/UseSerialGC/; /HeapDump/d; /Xlog:gc/d' "$program/config/jvm.options" >"$home/config/jvm.options"
    cat >"$home/config/elasticsearch.yml" <<END
cluster.name: tests
node.name: tests
network.host: 127.0.0.1
http.port: $port
transport.port: $transport
discovery.type: single-node
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
path.data: $home/data
path.logs: $home/logs
END
    [ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$home/run" "$home/config" "$home/logs" "$home/data"
}

# The program starts its server as another process, returns when the server has started, and writes its process id.
launch() {
    (cd "$home/run" && env -i PATH=/usr/bin:/bin LANG=C.UTF-8 "ES_JAVA_HOME=$jdk" "ES_TMPDIR=$home/run" "ES_PATH_CONF=$home/config" \
        "ES_JAVA_OPTS=-Xms512m -Xmx512m -XX:TieredStopAtLevel=1" "${user[@]}" "${@:2}" >>"$home/log" 2>&1 </dev/null) ||
        { tail -n 20 "$home/log" >&2; refuse "it does not start, see $home/log"; }
    local pid
    pid=$(<"$home/run/server.pid")
    echo "$pid $(began "$pid")" >"$1"
}

ready() { curl -fsS -m 40 -o /dev/null "http://127.0.0.1:$port/_cluster/health?wait_for_status=yellow&timeout=30s"; }

addresses() { echo "TEST_ELASTICSEARCH_URL=elasticsearch+http://127.0.0.1:$port"; }

main "$@"

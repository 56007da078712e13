#!/usr/bin/env bash
# OpenSearch from Maven Central: one node with the standard modules. It needs Java 21.
. "$(dirname "$0")/common.sh"

port=${OPENSEARCH_PORT:-19200}
transport=${OPENSEARCH_TRANSPORT_PORT:-19300}
pom=$root/services/opensearch.pom.xml
source=$root/services/opensearch/Server.java
lib=$home/lib
jdk=$(find_jdk 21)
ports=("$transport" "$port")
server=("$jdk/bin/java" -Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$lib/*:$home/classes" Server "$home/data" "$port" "$transport")

install() {
    [ -n "$jdk" ] || refuse "Java 21 or newer is missing: install a JDK below /usr/lib/jvm or set JAVA_HOME"
    if [ ! "$lib" -nt "$pom" ]; then
        command -v mvn >/dev/null || refuse "Maven is missing: install Debian's maven (as root, \`make services\` does)"
        rm -rf "$lib" "$lib.part"
        mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$lib.part" -DincludeScope=runtime >>"$home/log" 2>&1 ||
            refuse "its libraries cannot be downloaded, see $home/log"
        mv "$lib.part" "$lib"
        touch "$lib" # otherwise the folder keeps the time of its first file
    fi
    [ "$home/classes/Server.class" -nt "$source" ] || "$jdk/bin/javac" -d "$home/classes" -cp "$lib/*" "$source" ||
        refuse "$source cannot be compiled"
}

ready() { curl -fsS -m 40 -o /dev/null "http://127.0.0.1:$port/_cluster/health?wait_for_status=yellow&timeout=30s"; }

addresses() { echo "TEST_OPENSEARCH_URL=opensearch+http://127.0.0.1:$port"; }

main "$@"

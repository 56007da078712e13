#!/usr/bin/env bash
# Kafka from Maven Central: one node (KRaft) with a plain listener and one with SASL/SCRAM.
. "$(dirname "$0")/common.sh"

plain=${KAFKA_PORT:-19092}
controller=${KAFKA_CONTROLLER_PORT:-19093}
scram=${KAFKA_SCRAM_PORT:-19094}
pom=$root/services/kafka.pom.xml
lib=$home/lib
properties=$home/server.properties
user=tests password=tests-only
java=(java -Xms128m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$lib/*")
ports=("$plain" "$scram" "$controller")
server=("${java[@]}" kafka.Kafka "$properties")

install() {
    local major
    major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${major:-0}" -ge 17 ] || refuse "Java 17 or newer is missing: install Debian's default-jdk-headless (as root, \`make services\` does)"
    [ ! "$lib" -nt "$pom" ] || return 0
    command -v mvn >/dev/null || refuse "Maven is missing: install Debian's maven (as root, \`make services\` does)"
    rm -rf "$lib" "$lib.part"
    mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$lib.part" -DincludeScope=runtime >>"$home/log" 2>&1 ||
        refuse "its libraries cannot be downloaded, see $home/log"
    mv "$lib.part" "$lib"
    touch "$lib" # otherwise the folder keeps the time of its first file
}

prepare() {
    cat >"$properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller
listeners=PLAIN://127.0.0.1:$plain,SCRAM://127.0.0.1:$scram,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAIN://127.0.0.1:$plain,SCRAM://127.0.0.1:$scram
listener.security.protocol.map=PLAIN:PLAINTEXT,SCRAM:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.scram.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs=$home/data
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=10485760
END
    [ -f "$home/data/meta.properties" ] || "${java[@]}" kafka.tools.StorageTool format --standalone -t MkU3OEVBNTcwNTJENDM2Qg \
        -c "$properties" --add-scram "SCRAM-SHA-256=[name=$user,password=$password]" >>"$home/log" 2>&1 ||
        refuse "its data folder cannot be formatted, see $home/log"
}

addresses() {
    echo "TEST_KAFKA_URL=kafka://127.0.0.1:$plain"
    echo "TEST_KAFKA_SCRAM_URL=kafka://$user:$password@127.0.0.1:$scram?mechanism=SCRAM-SHA-256"
}

main "$@"

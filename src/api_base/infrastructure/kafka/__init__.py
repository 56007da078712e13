"""Events over Kafka (`EVENTS__URL=kafka://…`). See docs/kafka.md."""

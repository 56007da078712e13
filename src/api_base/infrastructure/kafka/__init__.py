"""Events by way of Kafka (`EVENTS__URL=kafka://…`). See docs/kafka.md."""

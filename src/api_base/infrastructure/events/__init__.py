"""Events after their commit, in PostgreSQL: outbox, relay, deliveries to durable subscribers, inbox."""

"""RabbitMQ: one connection and one consumer, for jobs and for the remote bus."""

"""RabbitMQ's connection and consumer, for jobs and for the remote bus."""

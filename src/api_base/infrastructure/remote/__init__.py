"""The remote bus: messages of other services, executed over RabbitMQ."""

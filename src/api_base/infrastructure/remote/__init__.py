"""The remote bus: executes messages of other services over RabbitMQ."""

"""URLs of RabbitMQ [amqp-uri-spec]."""

from api_base.core.di import check_url


def validate(url: str) -> None:
    """Raise `ValueError` if `url` is malformed, without the URL in its message: it holds a password."""
    check_url(url, "amqp://user:password@host:port/vhost, or amqps://… for TLS", lambda parts: bool(parts.hostname))

"""URLs of RabbitMQ [amqp-uri-spec]."""

from urllib.parse import urlsplit


def validate(url: str) -> None:
    """Raise `ValueError` if `url` is malformed, without the URL in its message: it holds a password."""
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and (parts.port or 1) > 0 and not parts.fragment
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            "must be amqp://user:password@host:port/vhost, or amqps://… for TLS; "
            "write / ? # @ : in user and password as %2F %3F %23 %40 %3A"
        )

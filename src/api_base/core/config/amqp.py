"""URLs of RabbitMQ."""

from urllib.parse import urlsplit

from pydantic import SecretStr


def checked(url: SecretStr) -> SecretStr:
    """Return the URL unchanged. Raises `ValueError` if it is malformed, without the URL in the message: it holds a password."""
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in ("amqp", "amqps") and bool(parts.hostname) and (parts.port or 1) > 0 and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "must be amqp://user:password@host:port/vhost, or amqps://… for TLS; write / ? # @ : in user and password as %2F %3F %23 %40 %3A"
        )
    return url

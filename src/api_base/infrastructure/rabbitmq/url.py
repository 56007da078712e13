"""The adapters of a port on RabbitMQ, with and without TLS [amqp-uri-spec]."""

from collections.abc import Callable
from dataclasses import replace

from api_base.core.di import Adapter, check_url


def rabbitmq_adapters[P, T](build: Callable[[P], T], summary: str) -> tuple[Adapter[P, T], Adapter[P, T]]:
    """Return the adapter that `build` creates, for `amqp://` and for `amqps://`."""
    plain = Adapter(build=build, url="amqp://user:password@host:port/vhost", summary=summary, validate=validate, extra="rabbitmq")
    return plain, replace(plain, url="amqps://user:password@host:port/vhost", summary="The same over TLS.")


def validate(url: str) -> None:
    """Raise `ValueError` if `url` is malformed, without the URL in its message: it holds a password."""
    check_url(url, "amqp://user:password@host:port/vhost, or amqps://… for TLS", lambda parts: bool(parts.hostname))

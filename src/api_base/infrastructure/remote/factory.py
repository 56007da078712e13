"""The adapters of `REMOTE__URL`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.rabbitmq import url as rabbitmq

if TYPE_CHECKING:
    from api_base.application.common.remote import RemoteTransport
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _rabbitmq(ports: "AdapterPorts") -> "RemoteTransport":
    from api_base.infrastructure.remote.remote_bus import RabbitMqRemoteTransport
    from api_base.infrastructure.serialization.result_codec import decode_result, encode_result

    settings = ports.settings
    assert settings.remote.url is not None  # an adapter is selected by its URL
    return RabbitMqRemoteTransport(
        settings.remote.url.get_secret_value(),
        settings.app_name,
        ports.policy,
        settings.resilience.timeout_seconds,
        settings.remote.concurrency,
        encode=encode_result,
        decode=decode_result,
    )


RABBITMQ: Final = Adapter(
    build=_rabbitmq,
    url="amqp://user:password@host:port/vhost",
    summary="Services send commands and queries to each other through RabbitMQ.",
    validate=rabbitmq.validate,
    extra="rabbitmq",
)
RABBITMQ_TLS: Final = replace(RABBITMQ, url="amqps://user:password@host:port/vhost", summary="The same over TLS.")

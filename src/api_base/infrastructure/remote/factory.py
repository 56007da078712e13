"""The adapters of `REMOTE__URL`."""

from typing import TYPE_CHECKING

from api_base.infrastructure.rabbitmq.url import rabbitmq_adapters

if TYPE_CHECKING:
    from api_base.application.common.remote import RemoteTransport
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _rabbitmq(ports: "AdapterPorts") -> "RemoteTransport":
    from api_base.infrastructure.remote.remote_bus import RabbitMqRemoteTransport

    settings = ports.settings
    assert settings.remote.url is not None  # an adapter is selected by its URL
    return RabbitMqRemoteTransport(
        settings.remote.url.get_secret_value(),
        settings.app_name,
        ports.policy,
        settings.resilience.timeout_seconds,
        settings.remote.concurrency,
    )


RABBITMQ, RABBITMQ_TLS = rabbitmq_adapters(_rabbitmq, "Services send commands and queries to each other through RabbitMQ.")

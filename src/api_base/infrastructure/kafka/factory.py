"""The adapter of `EVENTS__URL` on Kafka."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter

if TYPE_CHECKING:
    from api_base.application.common.events import EventTransport
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _kafka(ports: "AdapterPorts") -> "EventTransport":
    from api_base.infrastructure.kafka.connection import connection_at
    from api_base.infrastructure.kafka.transport import KafkaEventTransport

    events = ports.settings.events
    connection = connection_at(events.url.get_secret_value(), events.prefix)
    return KafkaEventTransport(connection, ports.policy("kafka"), ports.settings.public_url, ports.deferred)


def _validate(url: str) -> None:
    from api_base.infrastructure.kafka.connection import connection_at

    connection_at(url, prefix="")


KAFKA: Final = Adapter(
    build=_kafka,
    url="kafka://user:password@host:port",
    summary="Kafka: topics per context, consumer groups per subscription, and streams. Separate several brokers with commas.",
    validate=_validate,
    extra="kafka",
)
KAFKA_TLS: Final = replace(KAFKA, url="kafka+ssl://user:password@host:port", summary="The same over TLS.")

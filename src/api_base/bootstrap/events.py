"""What the worker does for events: the relay, each durable subscription, and the partitions of the outbox."""

from collections.abc import Iterator
from typing import Any, Final

from api_base.application.common.events import EventDelivery
from api_base.bootstrap.services import Services
from api_base.core.protocols import Periodic
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.events.partitions import EventPartitions
from api_base.infrastructure.events.relay import Relay

POLL: Final = 1.0
"""Seconds between looks where nobody tells."""
HOURLY: Final = 3600.0


def event_work(services: Services) -> Iterator[Periodic]:
    container = services.container
    pool = container.worker_database().pool
    relay, partitions = Relay(pool, container.event_publisher()), EventPartitions(pool)
    yield Periodic(name="publish events", kind="relay", interval=POLL, run=relay.run, channel=STORED)
    yield Periodic(name="keep partitions of events", interval=HOURLY, run=partitions.run)
    for subscription in container.subscribers().durable:
        consumer = DeliveryConsumer(pool, subscription, EventDelivery(container.transactions(), _decode))
        yield Periodic(name=subscription.name, kind="subscribers", interval=POLL, run=consumer.run, channel=DELIVERIES)


def _decode(payload: bytes, wanted: type[Any]) -> Any:
    import msgspec

    return msgspec.json.decode(payload, type=wanted, strict=False)

"""The worker's tasks for events: the relay, the partitions of the outbox, and the deliveries to each durable subscription."""

from collections.abc import Iterator
from typing import Final

from api_base.bootstrap.services import Services
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.events.partitions import EventPartitions
from api_base.infrastructure.events.relay import Relay

POLL: Final = 1.0
"""Seconds between two looks at the database without a notification."""
HOURLY: Final = 3600.0


def event_work(services: Services) -> Iterator[PeriodicTask]:
    """Deliveries in the database are handled whatever the transport: it leaves them what it could not deliver itself."""
    container, delivery = services.container, services.container.event_delivery
    pool, transport, durable = container.worker_database.pool, container.events, container.subscribers.durable
    relay, partitions = Relay(pool, transport.publisher), EventPartitions(pool)
    yield PeriodicTask(name="publish events", group="relay", interval=POLL, run=relay.run, channel=STORED, end=transport.publisher.close)
    yield PeriodicTask(name="create partitions of events", interval=HOURLY, run=partitions.run)
    for subscription in durable:
        consumer = DeliveryConsumer(pool, subscription, delivery)
        yield PeriodicTask(name=subscription.name, group="subscribers", interval=POLL, run=consumer.run, channel=DELIVERIES)
    streams = [stream for context in services.contexts for stream in context.streams]
    yield from transport.tasks(durable, streams, delivery)

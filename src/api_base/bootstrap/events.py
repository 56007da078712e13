"""The periodic tasks of events: relay events, maintain the partitions of the outbox, deliver to each durable subscription."""

from collections.abc import Iterator
from typing import Final

from api_base.bootstrap.services import Services
from api_base.bootstrap.timing import WorkerTiming
from api_base.core.protocols import PeriodicTask
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.events.outbox import EventPartitions
from api_base.infrastructure.events.relay import Relay

HOURLY: Final = 3600.0


def event_work(services: Services, timing: WorkerTiming) -> Iterator[PeriodicTask]:
    """The tasks for deliveries in the database run with every transport, because each defers its failed deliveries to the database."""
    container, delivery, poll = services.container, services.container.event_delivery, timing.poll_interval
    pool, transport, durable = container.worker_database.pool, container.events, container.subscribers.durable
    relay, partitions = Relay(pool, transport.publisher), EventPartitions(pool)
    yield PeriodicTask(name="publish events", group="relay", interval=poll, run=relay.run, channel=STORED, end=transport.publisher.close)
    yield PeriodicTask(name="maintain event partitions", interval=HOURLY, run=partitions.run)
    for subscription in durable:
        consumer = DeliveryConsumer(pool, subscription, delivery, retry_delay=timing.retry_delay)
        yield PeriodicTask(name=subscription.name, group="subscribers", interval=poll, run=consumer.run, channel=DELIVERIES)
    streams = [stream for context in services.contexts for stream in context.streams]
    yield from transport.tasks(durable, streams, delivery, poll)

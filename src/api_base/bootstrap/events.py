"""What the worker does for events: the relay, each durable subscription, and the partitions of the outbox.

With Kafka there are streams too, and a subscription reads from there; what it could not handle at once is tried again from the database, as ever.
"""

from collections.abc import Iterator
from typing import Any, Final

from api_base.application.common.events import EventDelivery
from api_base.bootstrap.services import Services
from api_base.core.protocols import PeriodicTask
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.events.partitions import EventPartitions
from api_base.infrastructure.events.relay import Relay

POLL: Final = 1.0
"""Seconds between looks where nobody tells."""
HOURLY: Final = 3600.0


def event_work(services: Services) -> Iterator[PeriodicTask]:
    container = services.container
    pool, publisher = container.worker_database().pool, container.event_publisher()
    relay, partitions = Relay(pool, publisher), EventPartitions(pool)
    yield PeriodicTask(name="publish events", group="relay", interval=POLL, run=relay.run, channel=STORED, end=publisher.close)
    yield PeriodicTask(name="keep partitions of events", interval=HOURLY, run=partitions.run)
    delivery = EventDelivery(container.transactions(), _decode)
    for subscription in container.subscribers().durable:
        consumer = DeliveryConsumer(pool, subscription, delivery)
        yield PeriodicTask(name=subscription.name, group="subscribers", interval=POLL, run=consumer.run, channel=DELIVERIES)
        if services.settings.events.kafka:
            yield _from_kafka(services, subscription, delivery)
    if services.settings.events.kafka:
        yield from _streams(services)


def _from_kafka(services: Services, subscription: DurableSubscription, delivery: EventDelivery) -> PeriodicTask:
    from api_base.infrastructure.events.deferred import DatabaseDeferredDeliveries
    from api_base.infrastructure.kafka.consumer import KafkaDeliveryConsumer

    container = services.container
    deferred = DatabaseDeferredDeliveries(container.worker_database().pool)
    consumer = KafkaDeliveryConsumer(container.kafka_connection(), container.kafka_policy(), subscription, delivery, deferred)
    return PeriodicTask(name=f"{subscription.name} from Kafka", group="subscribers", interval=POLL, run=consumer.run, end=consumer.close)


def _streams(services: Services) -> Iterator[PeriodicTask]:
    from api_base.infrastructure.kafka.transaction import KafkaStream

    container = services.container
    for stream in (stream for context in services.contexts for stream in context.streams):
        runs = KafkaStream(container.kafka_connection(), container.kafka_policy(), stream, _decode)
        yield PeriodicTask(name=stream.name, group="streams", interval=POLL, run=runs.run, end=runs.close)


def _decode(payload: bytes, wanted: type[Any]) -> Any:
    import msgspec

    return msgspec.json.decode(payload, type=wanted, strict=False)

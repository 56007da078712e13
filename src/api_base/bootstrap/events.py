"""The periodic tasks of events: the relay, each durable subscription, and the partitions of the outbox.

With Kafka there are streams as well, and each subscription also reads from Kafka; deliveries that failed there are retried from the database.
"""

from collections.abc import Iterator
from typing import Any, Final

from api_base.application.common.events import EventDelivery
from api_base.bootstrap.services import Services
from api_base.bootstrap.timing import WorkerTiming
from api_base.core.protocols import PeriodicTask
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL as DELIVERIES
from api_base.infrastructure.events.outbox import CHANNEL as STORED
from api_base.infrastructure.events.partitions import EventPartitions
from api_base.infrastructure.events.relay import Relay

HOURLY: Final = 3600.0


def event_work(services: Services, timing: WorkerTiming) -> Iterator[PeriodicTask]:
    container, poll = services.container, timing.poll_interval
    pool, publisher = container.worker_database().pool, container.event_publisher()
    relay, partitions = Relay(pool, publisher), EventPartitions(pool)
    yield PeriodicTask(name="publish events", group="relay", interval=poll, run=relay.run, channel=STORED, end=publisher.close)
    yield PeriodicTask(name="maintain event partitions", interval=HOURLY, run=partitions.run)
    delivery = EventDelivery(container.transactions(), _decode)
    for subscription in container.subscribers().durable:
        consumer = DeliveryConsumer(pool, subscription, delivery, retry_delay=timing.retry_delay)
        yield PeriodicTask(name=subscription.name, group="subscribers", interval=poll, run=consumer.run, channel=DELIVERIES)
        if services.settings.events.kafka:
            yield _from_kafka(services, subscription, delivery, poll)
    if services.settings.events.kafka:
        yield from _streams(services, poll)


def _from_kafka(services: Services, subscription: DurableSubscription, delivery: EventDelivery, poll: float) -> PeriodicTask:
    from api_base.infrastructure.events.deferred import DatabaseDeferredDeliveries
    from api_base.infrastructure.kafka.consumer import KafkaDeliveryConsumer

    container = services.container
    deferred = DatabaseDeferredDeliveries(container.worker_database().pool)
    consumer = KafkaDeliveryConsumer(container.kafka_connection(), container.kafka_policy(), subscription, delivery, deferred)
    return PeriodicTask(name=f"{subscription.name} from Kafka", group="subscribers", interval=poll, run=consumer.run, end=consumer.close)


def _streams(services: Services, poll: float) -> Iterator[PeriodicTask]:
    from api_base.infrastructure.kafka.transaction import KafkaStream

    container = services.container
    for stream in (stream for context in services.contexts for stream in context.streams):
        runs = KafkaStream(container.kafka_connection(), container.kafka_policy(), stream, _decode)
        yield PeriodicTask(name=stream.name, group="streams", interval=poll, run=runs.run, end=runs.close)


def _decode(payload: bytes, wanted: type[Any]) -> Any:
    from api_base.infrastructure.serialization.json_codec import decode_as

    return decode_as(payload, wanted, strict=False)

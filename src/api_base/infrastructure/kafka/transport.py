"""Events over Kafka: the publisher for the relay, and the tasks that consume."""

from collections.abc import Iterator, Sequence

from api_base.application.common.events import EventDelivery, Stream
from api_base.core.protocols import DeferredDeliveries, PeriodicTask, Probe
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.kafka.consumer import KafkaDeliveryConsumer
from api_base.infrastructure.kafka.producer import KafkaEventPublisher
from api_base.infrastructure.kafka.transaction import KafkaStream
from api_base.infrastructure.resilience.patterns import Policy


class KafkaEventTransport(Probe):
    """Implements `EventTransport`. `source` is the public URL of the application. Deliveries that failed go to `deferred`."""

    def __init__(self, connection: KafkaConnection, policy: Policy, source: str, deferred: DeferredDeliveries) -> None:
        self._connection, self._policy, self._deferred = connection, policy, deferred
        self.publisher = KafkaEventPublisher(connection, policy, source)

    def tasks(
        self, subscriptions: Sequence[DurableSubscription], streams: Sequence[Stream], delivery: EventDelivery, poll: float
    ) -> Iterator[PeriodicTask]:
        """Return a consumer group for each subscription, and a transactional producer for each stream."""
        for subscription in subscriptions:
            consumer = KafkaDeliveryConsumer(self._connection, self._policy, subscription, delivery, self._deferred)
            name = f"{subscription.name} from Kafka"
            yield PeriodicTask(name=name, group="subscribers", interval=poll, run=consumer.run, end=consumer.close)
        for stream in streams:
            runs = KafkaStream(self._connection, self._policy, stream, delivery.decode)
            yield PeriodicTask(name=stream.name, group="streams", interval=poll, run=runs.run, end=runs.close)

    async def check(self) -> str:
        """Connect to the first broker that answers. Raises `Unavailable`."""
        await self._connection.check()
        return f"Kafka at {self._connection.brokers}"

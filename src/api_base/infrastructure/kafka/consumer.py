"""A durable subscription that reads from Kafka: a consumer group for each, in order within an aggregate, committed after handling.

What a handler refuses is handed to the database's deliveries, which try it again with pauses until it is dead; what follows it in
its aggregate goes the same way, and all else goes on. Where that fails too (the database is away) the partition is paused and
read again from there. Told twice after a rebalance or a kill, an event has its effect once: the inbox sees to that.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from api_base.application.common.events import EventDelivery
from api_base.application.common.events.cloud_event import decoded
from api_base.application.common.events.delivery import HANDLER_TIMEOUT_SECONDS
from api_base.core.errors import Unavailable
from api_base.core.protocols import DeferredDeliveries, StoredEvent
from api_base.core.shared.logging import get_logger
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.kafka.key_order import run_in_key_order
from api_base.infrastructure.kafka.rebalance import Rebalance
from api_base.infrastructure.resilience.patterns import Policy

logger = get_logger(__name__)

BATCH: Final = 200
CONCURRENCY: Final = 8
"""Aggregates of a partition worked on at the same time."""
BATCH_TIMEOUT: Final = 10.0
"""Seconds in which handlers of a batch are begun: so long, and one handler's longest, does a worker take to end."""
WAIT: Final = 500
"""Milliseconds that a poll waits for records; as long does the end of the worker."""
RETRY_DELAY: Final = 2.0
"""Seconds for which a partition is left alone whose event could be neither handled nor deferred."""


class KafkaDeliveryConsumer:
    """`policy` is for calls that are answered; a poll, which waits for what there may never be, is none of them."""

    def __init__(
        self,
        connection: KafkaConnection,
        policy: Policy,
        subscription: DurableSubscription,
        delivery: EventDelivery,
        deferred: DeferredDeliveries,
    ) -> None:
        self._connection, self._policy, self._subscription = connection, policy, subscription
        self._delivery, self._deferred = delivery, deferred
        self._consumer: AIOKafkaConsumer | None = None
        self._rebalance = Rebalance()
        self._resumed: dict[TopicPartition, float] = {}

    async def run(self) -> bool:
        """Handle and commit what has come. Raises `Unavailable` when the broker does not answer."""
        consumer = await self._started()
        try:
            self._resume(consumer)
            batches = await consumer.getmany(timeout_ms=WAIT, max_records=BATCH)
            async with self._rebalance.in_hand():
                await self._handle(consumer, batches)
        except KafkaError as error:
            await self.close()
            raise Unavailable(f"Kafka cannot be read for {self._subscription.name}: {error or type(error).__name__}") from error
        return True

    async def close(self) -> None:
        """Leave the group, so that others take over at once."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await self._connection.leave(consumer)

    async def _handle(self, consumer: AIOKafkaConsumer, batches: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]) -> None:
        """Partitions side by side; then their offsets together."""
        reached = await asyncio.gather(*(self._in_order(consumer, partition, records) for partition, records in batches.items()))
        offsets = {partition: offset for partition, offset in zip(batches, reached, strict=True) if offset is not None}
        if offsets:
            try:
                await self._policy.execute(lambda: consumer.commit(offsets))
            except (CommitFailedError, IllegalStateError) as error:
                logger.info("offsets_not_committed", subscription=self._subscription.name, reason=str(error))  # another has them now

    async def _in_order(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> int | None:
        """The offset up to which all is done, or None where nothing is."""
        until, first, last = time.monotonic() + BATCH_TIMEOUT, records[0].offset, records[-1].offset
        try:
            wanted = [(record.offset, event) for record in records if (event := self._event(record)) is not None]
            waiting = await self._deferred.waiting(self._subscription.name, {event.aggregate_id for _, event in wanted})
        except Exception as error:
            self._go_back(consumer, partition, first, error)
            return None
        steps = [(event.aggregate_id, partial(self._one, event, waiting)) for _, event in wanted]
        done, failure = await run_in_key_order(steps, CONCURRENCY, lambda: not self._rebalance.under_way and time.monotonic() < until)
        reached = wanted[done][0] if done < len(wanted) else last + 1
        if reached <= last:
            self._go_back(consumer, partition, reached, failure)
        return reached if reached > first else None

    def _go_back(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, failure: Exception | None) -> None:
        """Read on from `offset`; after a failure, later."""
        if failure is not None:
            logger.warning("partition_paused", subscription=self._subscription.name, partition=partition.partition, reason=str(failure))
        if self._rebalance.under_way:
            return  # whoever has the partition next begins there
        consumer.seek(partition, offset)
        if failure is not None:
            consumer.pause(partition)
            self._resumed[partition] = time.monotonic() + RETRY_DELAY

    def _event(self, record: ConsumerRecord[bytes, bytes]) -> StoredEvent | None:
        """None for events that the subscription does not want, and for what is none."""
        try:
            event = decoded(record.value or b"")
        except ValueError as error:
            logger.error("record_refused", topic=record.topic, partition=record.partition, offset=record.offset, reason=str(error))
            return None
        return event if event.name == self._subscription.event else None

    async def _one(self, event: StoredEvent, waiting: set[UUID]) -> None:
        """Handle or defer. Raises what keeps it from both."""
        if event.aggregate_id not in waiting:
            try:
                await self._delivery.handle(self._subscription, event)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                logger.warning("delivery_deferred", subscription=self._subscription.name, event_id=str(event.id), reason=told)
            else:
                return
        await self._deferred.add(self._subscription.name, event)
        waiting.add(event.aggregate_id)

    def _resume(self, consumer: AIOKafkaConsumer) -> None:
        now = time.monotonic()
        for partition in [partition for partition, moment in self._resumed.items() if moment <= now]:
            del self._resumed[partition]
            if partition in consumer.assignment():
                consumer.resume(partition)

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await self._policy.execute(self._start)
        return self._consumer

    async def _start(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            group_id=self._connection.named(self._subscription.name),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_interval_ms=int(2 * (BATCH_TIMEOUT + HANDLER_TIMEOUT_SECONDS) * 1000),
            rebalance_timeout_ms=int(2 * HANDLER_TIMEOUT_SECONDS * 1000),
        )
        consumer.subscribe([self._connection.topic_of(self._subscription.event)], listener=self._rebalance)
        self._resumed.clear()
        await self._connection.start(consumer)
        return consumer

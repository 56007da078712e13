"""A durable subscription that reads from Kafka: one consumer group each, in order for each aggregate, committed after handling.

An event whose handler fails becomes a delivery in the database, which is retried with a backoff until it is dead; the later events of its
aggregate follow it there, and all others continue. When the database is unavailable too, the partition is paused and read again from that
event. An event that is delivered twice, after a rebalance or a kill, has its effect once: the inbox ensures that.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from api_base.application.common.events import EventDelivery
from api_base.application.common.events.cloud_event import decoded
from api_base.application.common.events.delivery import HANDLER_TIMEOUT_SECONDS, Received
from api_base.application.common.events.key_order import done_without_gap, run_in_key_order
from api_base.core.errors import Unavailable
from api_base.core.protocols import DeferredDeliveries, StoredEvent
from api_base.core.shared.logging import get_logger
from api_base.core.shared.trace_context import TraceContext
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.resilience.patterns import Policy

logger = get_logger(__name__)

BATCH: Final = 200
CONCURRENCY: Final = 8
"""Aggregates of a partition that are handled at the same time."""
BATCH_TIMEOUT: Final = 10.0
"""Seconds in which the handlers of a batch may begin: a worker stops within this time and the timeout of one handler."""
POLL_TIMEOUT: Final = 0.5
"""Seconds that a poll waits for records; a worker that stops waits for it."""
RETRY_DELAY: Final = 2.0
"""Seconds for which a partition is paused when an event could be neither handled nor deferred."""


class Rebalance(ConsumerRebalanceListener):
    """A rebalance waits for the current record, not for the batch: finished records are committed, the others released.

    The driver notifies it; a consumer checks `in_progress` before each record of a batch.

    `assignments` counts assignments of partitions: state that was prepared for one is not valid for the next.
    """

    def __init__(self) -> None:
        self.in_progress = False
        self.assignments = 0
        self._batch = asyncio.Lock()

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        """Delay a rebalance while a batch is handled and committed."""
        async with self._batch:
            yield

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self.in_progress = True
        async with self._batch:
            return

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.in_progress = False
        self.assignments += 1


def event_of(record: ConsumerRecord[bytes, bytes], name: str) -> StoredEvent | None:
    """Decode the event `name` of a record; None for other events, and for records that are not events."""
    try:
        event = decoded(record.value or b"")
    except ValueError as error:
        logger.error("record_refused", topic=record.topic, partition=record.partition, offset=record.offset, reason=str(error))
        return None
    return event if event.name == name else None


def received_of(record: ConsumerRecord[bytes, bytes]) -> Received:
    """How a record arrived. A `traceparent` that is not valid is ignored."""
    headers = dict(record.headers)
    sent = TraceContext.received(*(headers.get(name) for name in TraceContext._fields))
    return Received(system="kafka", destination=record.topic, traceparent=str(sent) if sent.traceparent else "")


class KafkaDeliveryConsumer:
    """`policy` bounds the calls that Kafka answers; a poll, which waits for new records, does not use it. `poll_timeout` and `retry_delay`
    are in seconds."""

    def __init__(
        self,
        connection: KafkaConnection,
        policy: Policy,
        subscription: DurableSubscription,
        delivery: EventDelivery,
        deferred: DeferredDeliveries,
        *,
        poll_timeout: float = POLL_TIMEOUT,
        retry_delay: float = RETRY_DELAY,
    ) -> None:
        self._connection, self._policy, self._subscription = connection, policy, subscription
        self._delivery, self._deferred = delivery, deferred
        self._poll_timeout, self._retry_delay = poll_timeout, retry_delay
        self._consumer: AIOKafkaConsumer | None = None
        self._rebalance = Rebalance()
        self._resumed: dict[TopicPartition, float] = {}

    async def run(self) -> bool:
        """Handle and commit the records of one poll. Raises `Unavailable` when the broker does not answer."""
        consumer = await self._started()
        try:
            self._resume(consumer)
            batches = await consumer.getmany(timeout_ms=int(self._poll_timeout * 1000), max_records=BATCH)
            async with self._rebalance.batch():
                await self._handle(consumer, batches)
        except KafkaError as error:
            await self.close()
            raise Unavailable(f"Reading from Kafka failed for the subscription {self._subscription.name}.", reason=error) from error
        return True

    async def close(self) -> None:
        """Leave the group, so that other consumers take over immediately."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await self._connection.leave(consumer)

    async def _handle(self, consumer: AIOKafkaConsumer, batches: Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]) -> None:
        """Handle the partitions concurrently, then commit their offsets together."""
        reached = await asyncio.gather(*(self._in_order(consumer, partition, records) for partition, records in batches.items()))
        offsets = {partition: offset for partition, offset in zip(batches, reached, strict=True) if offset is not None}
        if offsets:
            try:
                await self._policy.execute(lambda: consumer.commit(offsets))
            except (CommitFailedError, IllegalStateError) as error:
                logger.info(
                    "offsets_not_committed", subscription=self._subscription.name, reason=str(error)
                )  # another consumer has the partitions now

    async def _in_order(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> int | None:
        """Return the offset up to which every record is done, or None if none is."""
        until, first, last = time.monotonic() + BATCH_TIMEOUT, records[0].offset, records[-1].offset
        try:
            wanted = [(record, event) for record in records if (event := event_of(record, self._subscription.event)) is not None]
            waiting = await self._deferred.waiting(self._subscription.name, {event.aggregate_id for _, event in wanted})
        except Exception as error:
            self._go_back(consumer, partition, first, error)
            return None
        steps = [(event.aggregate_id, partial(self._handle_or_defer, event, received_of(record), waiting)) for record, event in wanted]
        outcomes = await run_in_key_order(
            steps, CONCURRENCY, lambda: not self._rebalance.in_progress and time.monotonic() < until, stop_at_failure=True
        )
        failure = next((error for error in outcomes.values() if error is not None), None)
        done = done_without_gap(outcomes, len(wanted))
        reached = wanted[done][0].offset if done < len(wanted) else last + 1
        if reached <= last:
            self._go_back(consumer, partition, reached, failure)
        return reached if reached > first else None

    def _go_back(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, failure: Exception | None) -> None:
        """Continue from `offset`; after a failure, pause the partition first."""
        if failure is not None:
            logger.warning("partition_paused", subscription=self._subscription.name, partition=partition.partition, reason=str(failure))
        if self._rebalance.in_progress:
            return  # the next owner of the partition begins there
        consumer.seek(partition, offset)
        if failure is not None:
            consumer.pause(partition)
            self._resumed[partition] = time.monotonic() + self._retry_delay

    async def _handle_or_defer(self, event: StoredEvent, received: Received, waiting: set[UUID]) -> None:
        """Handle the event, or defer it after a failure. Raises if it can be neither handled nor deferred."""
        if event.aggregate_id not in waiting:
            try:
                await self._delivery.handle(self._subscription, event, received)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                logger.warning("delivery_deferred", subscription=self._subscription.name, event_id=str(event.id), reason=reason)
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
        self._resumed.clear()
        return await self._connection.subscribed(
            self._subscription.name,
            self._subscription.event,
            self._rebalance,
            max_poll_interval_ms=int(2 * (BATCH_TIMEOUT + HANDLER_TIMEOUT_SECONDS) * 1000),
            rebalance_timeout_ms=int(2 * HANDLER_TIMEOUT_SECONDS * 1000),
        )

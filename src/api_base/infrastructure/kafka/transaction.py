"""A stream's records exactly once: what was made of a batch and how far the source was read are written in one transaction [KIP-98].

A producer for each partition of the source, under a transactional id that names both: who takes a partition over fences whoever had
it, and only then asks how far that one came. A failure ends all of it without ceremony; the next to take over aborts what was open,
which readers of committed records never see.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from api_base.application.common.events import Stream
from api_base.application.common.events.cloud_event import decoded
from api_base.core.errors import Unavailable
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.kafka.rebalance import Rebalance
from api_base.infrastructure.resilience.patterns import Policy

logger = get_logger(__name__)

BATCH: Final = 500
WAIT: Final = 500
"""Milliseconds that a poll waits for records; as long does the end of the worker."""
HEADERS: Final = [("content-type", b"application/json")]

type _Records = Sequence[ConsumerRecord[bytes, bytes]]


class KafkaStream:
    """`decode` makes a payload of a class from JSON; it raises `ValueError` where it cannot."""

    def __init__(self, connection: KafkaConnection, policy: Policy, stream: Stream, decode: Callable[[bytes, type[Any]], Any]) -> None:
        self._connection, self._policy, self._stream, self._decode = connection, policy, stream, decode
        self._group = self._target = connection.named(stream.name)
        self._rebalance = Rebalance()
        self._consumer: AIOKafkaConsumer | None = None
        self._producers: dict[TopicPartition, AIOKafkaProducer] = {}
        self._assignment = 0

    async def run(self) -> bool:
        """One transaction for each partition that something has come from. Raises `Unavailable` when the broker does not answer."""
        try:
            consumer = await self._started()
            batches = await consumer.getmany(timeout_ms=WAIT, max_records=BATCH)
            async with self._rebalance.in_hand():
                await self._forget_others()
                for partition, records in batches.items():
                    if not self._rebalance.under_way:
                        await self._policy.execute(partial(self._carry_out, consumer, partition, records))
        except BaseException as error:
            await self.close()
            if isinstance(error, KafkaError):
                raise Unavailable(f"The stream {self._stream.name} waits for Kafka: {error or type(error).__name__}") from error
            raise
        return True

    async def close(self) -> None:
        """Leave the group; whatever transaction is open is aborted by whoever goes on."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._connection.leave(consumer)
        await self._drop()

    async def _carry_out(self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: _Records) -> None:
        producer = self._producers.get(partition)
        if producer is None:
            await self._take_over(consumer, partition)
            return  # these records may have been carried out by whoever had the partition
        await producer.begin_transaction()
        made = [await producer.send(self._target, **record) for record in self._made(records)]
        await asyncio.gather(*made)
        await producer.send_offsets_to_transaction({partition: records[-1].offset + 1}, self._group)
        await producer.commit_transaction()

    async def _take_over(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Starting the producer fences the one before and ends its transaction: from then on the committed offset stands."""
        producer = AIOKafkaProducer(**self._connection.producing(), transactional_id=f"{self._group}.{partition.partition}")
        await self._connection.start(producer)
        self._producers[partition] = producer
        committed = await consumer.committed(partition)
        if committed is None:
            await consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, committed)

    def _made(self, records: _Records) -> Iterator[dict[str, Any]]:
        for record in records:
            try:
                event = decoded(record.value or b"")
            except ValueError as error:
                logger.error("record_refused", topic=record.topic, partition=record.partition, offset=record.offset, reason=str(error))
                continue
            if event.name == self._stream.event:
                headers = [*HEADERS, ("event-id", str(event.id).encode())]
                for one in self._stream.transform(self._decode(event.payload, self._stream.payload)):
                    yield {"key": one.key.encode(), "value": json.dumps(dict(one.value)).encode(), "headers": headers}

    async def _forget_others(self) -> None:
        """After a rebalance each partition is taken over anew, those that stayed too: another may have had them in between."""
        if self._assignment != self._rebalance.assignments:
            self._assignment = self._rebalance.assignments
            await self._drop()

    async def _drop(self) -> None:
        producers, self._producers = self._producers, {}
        await asyncio.gather(*(self._connection.flush(producer) for producer in producers.values()))

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await self._policy.execute(self._start)
        return self._consumer

    async def _start(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        consumer.subscribe([self._connection.topic_of(self._stream.event)], listener=self._rebalance)
        await self._connection.start(consumer)
        return consumer

"""The records of a stream, exactly once: one transaction writes the derived records and the offsets of the source [KIP-98].

Each partition of the source has a producer of its own, whose transactional id names stream and partition: a new owner fences the previous
one and reads the committed offset after that. A failure closes everything; the next owner aborts the open transaction, which readers of
committed records never see.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from api_base.application.common.events import Stream
from api_base.core.errors import Unavailable
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.kafka.consumer import Rebalance, event_of
from api_base.infrastructure.resilience.patterns import Policy

BATCH: Final = 500
POLL_TIMEOUT: Final = 0.5
"""Seconds that a poll waits for records; a worker that stops waits for it."""
HEADERS: Final = [("content-type", b"application/json")]

type _Records = Sequence[ConsumerRecord[bytes, bytes]]


class KafkaStream:
    """`decode` converts JSON to a payload of a class, or raises `ValueError`. `poll_timeout` is in seconds."""

    def __init__(
        self,
        connection: KafkaConnection,
        policy: Policy,
        stream: Stream,
        decode: Callable[[bytes, type[Any]], Any],
        *,
        poll_timeout: float = POLL_TIMEOUT,
    ) -> None:
        self._poll_timeout = poll_timeout
        self._connection, self._policy, self._stream, self._decode = connection, policy, stream, decode
        self._group = self._target = connection.qualified(stream.name)
        self._rebalance = Rebalance()
        self._consumer: AIOKafkaConsumer | None = None
        self._producers: dict[TopicPartition, AIOKafkaProducer] = {}
        self._assignment = 0

    async def run(self) -> bool:
        """Run one transaction for each partition with new records. Raises `Unavailable` when the broker does not answer."""
        try:
            consumer = await self._started()
            batches = await consumer.getmany(timeout_ms=int(self._poll_timeout * 1000), max_records=BATCH)
            async with self._rebalance.batch():
                await self._drop_after_rebalance()
                for partition, records in batches.items():
                    if not self._rebalance.in_progress:
                        await self._policy.execute(partial(self._process, consumer, partition, records))
        except BaseException as error:
            await self.close()
            if isinstance(error, KafkaError):
                raise Unavailable(f"Kafka is not available for the stream {self._stream.name}.", reason=error) from error
            raise
        return True

    async def close(self) -> None:
        """Leave the group; the next owner aborts the open transactions."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._connection.leave(consumer)
        await self._drop()

    async def _process(self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: _Records) -> None:
        producer = self._producers.get(partition)
        if producer is None:
            await self._claim_position(consumer, partition)
            return  # the previous owner may have processed these records
        await producer.begin_transaction()
        sent = [await producer.send(self._target, **record) for record in self._derived(records)]
        await asyncio.gather(*sent)
        await producer.send_offsets_to_transaction({partition: records[-1].offset + 1}, self._group)
        await producer.commit_transaction()

    async def _claim_position(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        """Starting the producer fences the previous one and ends its transaction: from then on the committed offset is final."""
        producer = AIOKafkaProducer(**self._connection.producer_options(), transactional_id=f"{self._group}.{partition.partition}")
        await self._connection.start(producer)
        self._producers[partition] = producer
        committed = await consumer.committed(partition)
        if committed is None:
            await consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, committed)

    def _derived(self, records: _Records) -> Iterator[dict[str, Any]]:
        for record in records:
            if (event := event_of(record, self._stream.event)) is not None:
                headers = [*HEADERS, ("event-id", str(event.id).encode())]
                for one in self._stream.transform(self._decode(event.payload, self._stream.payload)):
                    yield {"key": one.key.encode(), "value": json.dumps(dict(one.value)).encode(), "headers": headers}

    async def _drop_after_rebalance(self) -> None:
        """After a rebalance every partition is taken over again: another consumer may have owned it meanwhile."""
        if self._assignment != self._rebalance.assignments:
            self._assignment = self._rebalance.assignments
            await self._drop()

    async def _drop(self) -> None:
        producers, self._producers = self._producers, {}
        await asyncio.gather(*(self._connection.flush(producer) for producer in producers.values()))

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            stream = self._stream
            self._consumer = await self._policy.execute(lambda: self._connection.subscribed(stream.name, stream.event, self._rebalance))
        return self._consumer

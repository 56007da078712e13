"""`EVENTS__URL=kafka://…`: events as CloudEvents in a topic for each context, keyed by aggregate, written by an idempotent producer.

The driver sends what it has taken until the broker has it, however long that is away [KIP-98]. So what was taken is never taken a
second time: told it again by the relay, the publisher waits for what is on its way. That bounds the buffer and keeps the order.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from api_base.application.common.events.cloud_event import MEDIA_TYPE, encoded
from api_base.core.errors import EventRefused, Unavailable
from api_base.core.protocols import EventPublisher, StoredEvent
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.resilience.patterns import Policy

BUFFERED: Final = 1_000
"""Events on their way at most; two batches of the relay."""
MAX_MESSAGE_BYTES: Final = 1_000_000
"""Bytes of an event with its attributes; what brokers and consumers take unless told otherwise is a little more."""
HEADERS: Final = [("content-type", MEDIA_TYPE.encode())]


class KafkaEventPublisher(EventPublisher):
    """`source` names the application in its events. `policy` is called once for each batch: the relay is the retry."""

    def __init__(self, connection: KafkaConnection, policy: Policy, source: str) -> None:
        self._connection, self._policy, self._source = connection, policy, source
        self._producer: AIOKafkaProducer | None = None
        self._on_the_way: dict[UUID, asyncio.Future[Any]] = {}

    async def publish(self, events: Sequence[StoredEvent]) -> None:
        """Nothing is sent of a batch with an event that is too large: what follows it would overtake it."""
        records = [(event, encoded(event, self._source)) for event in events]
        for event, record in records:
            if len(record) > MAX_MESSAGE_BYTES:
                raise EventRefused(event.id, f"it has {len(record)} bytes, and Kafka takes {MAX_MESSAGE_BYTES}")
        if records:
            await self._policy.execute(lambda: self._send(records))

    async def close(self) -> None:
        """What cannot be written in a few seconds is told again by the next relay."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            self._on_the_way.clear()
            await self._connection.flush(producer)

    async def _send(self, records: Sequence[tuple[StoredEvent, bytes]]) -> None:
        producer = await self._started()
        self._make_room(records)
        try:
            for event, record in records:
                if event.id not in self._on_the_way:
                    self._on_the_way[event.id] = await producer.send(
                        self._connection.topic_of(event.name), record, key=str(event.aggregate_id).encode(), headers=HEADERS
                    )
            await self._written([event for event, _ in records])
        except KafkaTimeoutError as error:  # there is no room for the next: what is on its way stays there
            raise Unavailable(f"Kafka has not taken {len(self._on_the_way)} events yet.") from error
        except KafkaError as error:
            await self.close()  # an idempotent producer that lost a message takes no further one for that partition
            raise Unavailable(f"Kafka did not take the events: {error}") from error

    async def _written(self, events: Sequence[StoredEvent]) -> None:
        """Wait for all of them. A cancelled wait leaves them on their way."""
        await asyncio.wait([self._on_the_way[event.id] for event in events])
        for event in events:
            try:
                await self._on_the_way[event.id]
            except MessageSizeTooLargeError as error:
                await self.close()
                raise EventRefused(event.id, f"the broker takes no message so large: {error}") from error
        for event in events:
            del self._on_the_way[event.id]

    def _make_room(self, records: Sequence[tuple[StoredEvent, bytes]]) -> None:
        """Raises `Unavailable` while too much is on its way; what another relay has told since may be forgotten once it is written."""
        wanted = {event.id for event, _ in records}
        for id in [id for id, written in self._on_the_way.items() if written.done() and id not in wanted]:
            del self._on_the_way[id]
        if len(wanted | self._on_the_way.keys()) > BUFFERED:
            raise Unavailable(f"Kafka has not taken {len(self._on_the_way)} events yet; no more are sent until it has.")

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(**self._connection.producing(), max_request_size=MAX_MESSAGE_BYTES + 10_000)
            await self._connection.start(producer)
            self._producer = producer
        return self._producer

"""`EVENTS__URL=kafka://…`: events as CloudEvents in one topic for each context, keyed by aggregate, written by an idempotent producer.

The driver sends a buffered event until the broker has stored it, however long the broker is unavailable [KIP-98]. So no event is buffered
twice: when the relay passes it again, the publisher waits for the one in flight. That limits the buffer and keeps the order.
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
from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.trace_units import Outgoing, sending
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.resilience.patterns import Policy

MAX_IN_FLIGHT: Final = 1_000
"""Events in flight, each in all of its versions; two batches of the relay."""
MAX_MESSAGE_BYTES: Final = 1_000_000
"""Bytes of an event with its attributes; the defaults of brokers and consumers are slightly higher."""
HEADERS: Final = [("content-type", MEDIA_TYPE.encode())]
"""Header with the producer's span; the attribute of the CloudEvent is the span that caused the event."""

type _Form = tuple[UUID, str]
"""The id and the name of an event: its versions have one id."""


def _form(event: StoredEvent) -> _Form:
    return event.id, event.name


class KafkaEventPublisher(EventPublisher):
    """`source` is the public URL of the application. Each batch is one call of `policy`: the relay retries."""

    def __init__(self, connection: KafkaConnection, policy: Policy, source: str) -> None:
        self._connection, self._policy, self._source = connection, policy, source
        self._producer: AIOKafkaProducer | None = None
        self._in_flight: dict[_Form, asyncio.Future[Any]] = {}

    async def publish(self, events: Sequence[StoredEvent]) -> None:
        """Publish a batch. If one of its events is too large, no event is sent: later events would overtake it."""
        records = [(event, encoded(event, self._source)) for event in events]
        for event, record in records:
            if len(record) > MAX_MESSAGE_BYTES:
                raise EventRefused(event.id, f"it has {len(record)} bytes; the limit is {MAX_MESSAGE_BYTES}")
        if records:
            await self._policy.execute(lambda: self._send(records))

    async def close(self) -> None:
        """Write the buffer and close. The next relay publishes the events again that are not written within `FLUSH_TIMEOUT` seconds."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            self._in_flight.clear()
            await self._connection.flush(producer)

    async def _send(self, records: Sequence[tuple[StoredEvent, bytes]]) -> None:
        producer = await self._started()
        self._make_room(records)
        messages = [
            Outgoing(destination=self._connection.topic_of(event.name), id=str(event.id), traceparent=event.traceparent)
            for event, _ in records
        ]
        try:
            with sending("kafka", messages) as traceparents:
                for (event, record), message, traceparent in zip(records, messages, traceparents, strict=True):
                    if _form(event) not in self._in_flight:
                        sent = TraceContext.parse(traceparent).headers()
                        headers = [*HEADERS, *((name, value.encode()) for name, value in sent)]
                        self._in_flight[_form(event)] = await producer.send(
                            message.destination, record, key=str(event.aggregate_id).encode(), headers=headers
                        )
                await self._written([event for event, _ in records])
        except KafkaTimeoutError as error:  # the buffer is full: the events stay in flight
            raise Unavailable(f"Kafka has not stored {len(self._in_flight)} events yet.") from error
        except KafkaError as error:
            await self.close()  # an idempotent producer that lost a message accepts no other for that partition
            raise Unavailable("Kafka did not store the events.", reason=error) from error

    async def _written(self, events: Sequence[StoredEvent]) -> None:
        """Wait until all are stored. A cancelled wait leaves them in flight."""
        await asyncio.wait([self._in_flight[_form(event)] for event in events])
        for event in events:
            try:
                await self._in_flight[_form(event)]
            except MessageSizeTooLargeError as error:
                await self.close()
                raise EventRefused(event.id, f"it is larger than the broker allows: {error}") from error
        for event in events:
            del self._in_flight[_form(event)]

    def _make_room(self, records: Sequence[tuple[StoredEvent, bytes]]) -> None:
        """Raises `Unavailable` while too many events are in flight; stored events that another relay has published are forgotten."""
        wanted = {_form(event) for event, _ in records}
        for form in [form for form, written in self._in_flight.items() if written.done() and form not in wanted]:
            del self._in_flight[form]
        if len({id for id, _ in wanted | self._in_flight.keys()}) > MAX_IN_FLIGHT:
            raise Unavailable(f"Kafka has not stored {len(self._in_flight)} events yet; no more are sent until it has.")

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(**self._connection.producer_options(), max_request_size=MAX_MESSAGE_BYTES + 10_000)
            await self._connection.start(producer)
            self._producer = producer
        return self._producer

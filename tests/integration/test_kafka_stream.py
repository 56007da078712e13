"""Streams: each event becomes its records exactly once for whoever reads what is committed, whoever dies on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from api_base.application.common.events import Stream, StreamRecord
from api_base.core.errors import Unavailable
from api_base.core.protocols import StoredEvent
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.kafka.producer import KafkaEventPublisher
from api_base.infrastructure.kafka.transaction import KafkaStream
from api_base.infrastructure.serialization.json_codec import decode_as
from tests.factories.events import stored_event
from tests.kafka import PATIENCE, POLL_TIMEOUT, committed, namespace, policy
from tests.services import Killable

pytestmark = pytest.mark.slow  # a broker of its own starts, and is killed

NAME = "items.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    number: int


class Broken(Exception):
    pass


@dataclass
class World:
    """A source with events, and a stream that tells their numbers on, until it comes to `breaks_at`."""

    connection: KafkaConnection
    breaks_at: int | None = None
    seen: list[int] = field(default_factory=list)

    def stream(self) -> KafkaStream:
        stream = Stream(name="items.numbers", event=NAME, payload=Numbered, transform=self._tell)
        return KafkaStream(self.connection, policy(), stream, decode_as, poll_timeout=POLL_TIMEOUT)

    def _tell(self, event: Numbered) -> Iterator[StreamRecord]:
        self.seen.append(event.number)
        if event.number == self.breaks_at:
            raise Broken
        yield StreamRecord(key="all", value={"number": event.number})

    async def publish(self, numbers: Sequence[int], aggregate: UUID | None = None) -> list[StoredEvent]:
        events = [stored_event(name=NAME, aggregate_id=aggregate or uuid4(), payload=b'{"number":%d}' % number) for number in numbers]
        publisher = KafkaEventPublisher(self.connection, policy(), "test")
        await publisher.publish(events)
        await publisher.close()
        return events

    async def numbers(self) -> list[int]:
        return [json.loads(record.value or b"")["number"] for record in await committed(self.connection, "items.numbers")]

    async def until(self, numbers: list[int]) -> None:
        async with asyncio.timeout(PATIENCE):
            while sorted(await self.numbers()) != numbers:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def running(*streams: KafkaStream) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(_again(stream, stop)) for stream in streams]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _again(stream: KafkaStream, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await stream.run()
        except Unavailable:
            await asyncio.sleep(0.2)
    await stream.close()


async def test_each_event_becomes_its_records_once_and_names_where_it_came_from(kafka_url: str) -> None:
    made = World(namespace(kafka_url))
    events = await made.publish(range(50))
    async with running(made.stream()):
        await made.until(list(range(50)))
    async with running(made.stream()):
        await made.publish([50])
        await made.until(list(range(51)))
    records = await committed(made.connection, "items.numbers")
    assert {dict(record.headers)["event-id"] for record in records} > {str(event.id).encode() for event in events}


async def test_what_is_aborted_nobody_sees(kafka_url: str) -> None:
    """It breaks at the last of a batch; what was made of those before is in the log by then, and not committed."""
    made = World(namespace(kafka_url), breaks_at=9)
    await made.publish(range(10), aggregate=uuid4())
    stream = made.stream()
    with pytest.raises(Broken):
        async with asyncio.timeout(PATIENCE):
            while True:
                await stream.run()
    assert made.seen == list(range(10))
    assert await made.numbers() == []
    made.breaks_at = None
    async with running(stream):
        await made.until(list(range(10)))
    assert await made.numbers() == list(range(10))


async def test_who_is_fenced_writes_nothing(kafka_url: str) -> None:
    """A stalled worker comes back when another has taken its partitions over: its transaction fails, and the other's stands."""
    made = World(namespace(kafka_url))
    aggregate = uuid4()
    stalled = made.stream()
    await made.publish([0], aggregate)
    async with asyncio.timeout(PATIENCE):
        while await made.numbers() != [0]:
            await stalled.run()
    await fence(made.connection)
    await made.publish([1, 2, 3], aggregate)
    with pytest.raises(Unavailable, match=r"is not available for the stream"):
        async with asyncio.timeout(PATIENCE):
            while True:
                await stalled.run()
    assert made.seen == [0, 1, 2, 3]
    assert await made.numbers() == [0]
    async with running(made.stream()):
        await made.until([0, 1, 2, 3])


async def fence(connection: KafkaConnection) -> None:
    """Take over the transactional ids of all partitions, as another worker would."""
    for partition in range(3):
        other = AIOKafkaProducer(**connection.options(), transactional_id=f"{connection.qualified('items.numbers')}.{partition}")
        await other.start()
        await other.stop()


async def test_a_rebalance_doubles_and_loses_nothing(kafka_url: str) -> None:
    made = World(namespace(kafka_url))
    first, second = made.stream(), made.stream()
    await made.publish(range(300))
    async with running(first):
        async with asyncio.timeout(PATIENCE):
            while not made.seen:
                await asyncio.sleep(0.001)
        async with running(second):
            await made.publish(range(300, 600))
            await made.until(list(range(600)))
        await made.publish(range(600, 700))
        await made.until(list(range(700)))


async def test_a_broker_killed_on_the_way_doubles_and_loses_nothing(killable_kafka: Killable) -> None:
    """Not in the moment in which its topics are made: a broker alone forgets those when it is killed."""
    made = World(namespace(killable_kafka.url))
    await made.publish([0])
    async with running(made.stream()):
        await made.until([0])
        await made.publish(range(1, 1000))
        async with asyncio.timeout(PATIENCE):
            while len(made.seen) < 2:
                await asyncio.sleep(0.001)
        await asyncio.to_thread(killable_kafka.kill)
        await asyncio.to_thread(killable_kafka.start)
        await made.publish(range(1000, 1100))
        await made.until(list(range(1100)))

"""Every `EventPublisher`: what `publish` returned for is there, in order for each aggregate; told twice, it came first in that order."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from api_base.application.common.events.cloud_event import decoded
from api_base.core.protocols import EventPublisher, StoredEvent
from api_base.domain.common.events import DurableSubscription, Subscribers
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.events.database_publisher import DatabaseEventPublisher
from api_base.infrastructure.kafka.producer import KafkaEventPublisher
from tests.factories.events import stored_event
from tests.kafka import committed, namespace, policy

NAME = "items.created.v1"

type Arrived = dict[UUID, list[UUID]]


@dataclass(frozen=True, slots=True)
class Published:
    """A publisher; and the events that are there for a subscriber to `NAME`, by aggregate, each where it came first."""

    publisher: EventPublisher
    arrived: Callable[[], Awaitable[Arrived]]


@pytest.fixture(params=["database", "kafka"])
def open_adapter(request: pytest.FixtureRequest) -> Callable[[], AsyncIterator[Published]]:
    open_on, server = {"database": (_database, "migrated"), "kafka": (_kafka, "kafka_url")}[request.param]
    where = request.getfixturevalue(server)
    return lambda: open_on(where)


@pytest_asyncio.fixture
async def published(open_adapter: Callable[[], AsyncIterator[Published]]) -> AsyncIterator[Published]:
    async for one in open_adapter():
        yield one


async def _database(urls: Urls) -> AsyncIterator[Published]:
    async def nothing(payload: object) -> None:
        return

    subscribers = Subscribers()
    subscribers.add([DurableSubscription(name="test.hear", event=NAME, payload=object, handle=nothing)])
    database = Database(urls.worker, PoolOptions(size=2, acquire_timeout=5, statement_timeout=5))
    await database.open()

    async def arrived() -> Arrived:
        rows = await database.pool.run(lambda c: c.fetch("select aggregate_id, event_id from deliveries order by sequence"))
        return _first((row["aggregate_id"], row["event_id"]) for row in rows)

    yield Published(DatabaseEventPublisher(database.pool, subscribers), arrived)
    await database.close()


async def _kafka(url: str) -> AsyncIterator[Published]:
    connection = namespace(url)
    publisher = KafkaEventPublisher(connection, policy(), "test")

    async def arrived() -> Arrived:
        events = [decoded(record.value or b"") for record in await committed(connection, "items")]
        return _first((event.aggregate_id, event.id) for event in events)

    yield Published(publisher, arrived)
    await publisher.close()


def _first(pairs: Iterable[tuple[UUID, UUID]]) -> Arrived:
    found: Arrived = defaultdict(list)
    for aggregate, event in pairs:
        if event not in found[aggregate]:
            found[aggregate].append(event)
    return dict(found)


def events(aggregates: int, each: int) -> list[StoredEvent]:
    """Of all aggregates in turn."""
    ids = [uuid4() for _ in range(aggregates)]
    return [stored_event(name=NAME, aggregate_id=id, aggregate_version=version) for version in range(1, each + 1) for id in ids]


def by_aggregate(told: Sequence[StoredEvent]) -> Arrived:
    return _first([(event.aggregate_id, event.id) for event in told])


async def test_what_was_told_is_there_in_the_order_of_each_aggregate(published: Published) -> None:
    told = events(aggregates=20, each=15)
    for begin in range(0, len(told), 70):
        await published.publisher.publish(told[begin : begin + 70])
    assert await published.arrived() == by_aggregate(told)


async def test_told_twice_and_more_behind_it_keeps_the_order(published: Published) -> None:
    told = events(aggregates=3, each=10)
    await published.publisher.publish(told[:12])
    await published.publisher.publish(told[:20])
    await published.publisher.publish(told)
    assert await published.arrived() == by_aggregate(told)


async def test_nothing_is_told_of_nothing(published: Published) -> None:
    await published.publisher.publish([])
    await published.publisher.publish(told := events(aggregates=1, each=1))
    assert await published.arrived() == by_aggregate(told)


async def test_after_the_end_it_can_be_told_to_go_on(published: Published) -> None:
    """A worker that ends and one that begins: `close` lets go of what is open, and takes nothing back."""
    told = events(aggregates=2, each=4)
    await published.publisher.publish(told[:4])
    await published.publisher.close()
    await published.publisher.publish(told)
    assert await published.arrived() == by_aggregate(told)

"""The worker's share of events: who is woken when, what holds up whom, and what is tried for how long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.application.common.events import EventDelivery
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.worker import create_worker
from api_base.core.errors import Conflict, Unavailable
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from api_base.infrastructure.events.consumer import DUE, MAX_ATTEMPTS, DeliveryConsumer
from api_base.infrastructure.events.database_publisher import CHANNEL
from api_base.infrastructure.events.relay import WAITING
from api_base.infrastructure.events.rows import shards_for
from api_base.infrastructure.events.tables import SHARDS
from api_base.serving.worker import run_worker
from tests.application import settings_on
from tests.factories.items import item
from tests.integration.test_events import CREATED, EventHarness, Told, decode, house
from tests.job_harness import TIMING


@asynccontextmanager
async def working(urls: Urls, subscriptions: Sequence[DurableSubscription]) -> AsyncIterator[asyncio.Event]:
    """A worker with these subscriptions, on the least pool that can be configured; what tells it to stop. It has ended in the end."""
    contexts = [*BUILT_IN, Context(name="tests", subscribers=lambda ports: subscriptions)]
    stop = asyncio.Event()
    settings = settings_on(urls, database={"pool_size": 1})
    work = asyncio.create_task(run_worker(create_worker(settings, contexts, timing=TIMING), urls, stop))
    try:
        yield stop
    finally:
        stop.set()
        await work


def subscription(name: str, handle: Any) -> DurableSubscription:
    return DurableSubscription(name=name, event=CREATED, payload=Told, handle=handle)


async def test_handlers_that_hang_hold_up_no_other_subscription(migrated: Urls) -> None:
    heard: asyncio.Queue[UUID] = asyncio.Queue()
    released = asyncio.Event()

    async def hang(told: Told) -> None:
        await released.wait()

    async def hear(told: Told) -> None:
        heard.put_nowait(told.aggregate_id)

    hanging = [subscription(f"a.hang_{number}", hang) for number in range(5)]
    async with house(migrated) as made, working(migrated, [*hanging, subscription("b.hear", hear)]):
        try:
            async with asyncio.timeout(20):
                for _ in range(3):
                    id = await made.create(uuid4())
                    assert await heard.get() == id
        finally:
            released.set()


async def test_a_worker_that_is_told_to_stop_finishes_what_is_in_hand(migrated: Urls) -> None:
    begun, released = asyncio.Event(), asyncio.Event()
    done: list[UUID] = []

    async def hear(told: Told) -> None:
        begun.set()
        await released.wait()
        done.append(told.aggregate_id)

    async with house(migrated) as made:
        async with working(migrated, [subscription("a.hear", hear)]) as stop, asyncio.timeout(20):
            id = await made.create(uuid4())
            await begun.wait()
            stop.set()
            released.set()
        assert done == [id]
        assert await made.query("select from deliveries where subscription = 'a.hear'") == []  # the search may not have begun


async def test_what_is_not_begun_in_time_is_left_to_the_next_turn(migrated: Urls) -> None:
    heard: list[UUID] = []

    async def hear(told: Told) -> None:
        heard.append(told.aggregate_id)

    async with house(migrated) as made:
        consumer = made.subscribe("a.hear", CREATED, hear)
        late = DeliveryConsumer(
            made.worker.pool, subscription("a.hear", hear), EventDelivery(made.transactions, decode, made.versions), batch_timeout=0.0
        )
        id = await made.create(uuid4())
        await made.relay()
        assert await late.run()
        assert heard == []
        assert not await consumer.run()
        assert heard == [id]


async def test_consumers_are_told_when_there_are_deliveries(migrated: Urls) -> None:
    """When the event was stored they looked as well, and found nothing: the relay had not been there yet."""
    told = asyncio.Event()

    async def hear(payload: Told) -> None:
        return

    async with house(migrated) as made:
        made.subscribe("a.hear", CREATED, hear)
        listener = await asyncpg.connect(migrated.direct)
        await listener.add_listener(CHANNEL, lambda *about: told.set())
        await made.create(uuid4())
        await made.relay()
        async with asyncio.timeout(10):
            await told.wait()
        await listener.close()


async def test_what_fails_because_something_else_is_down_is_never_dead(migrated: Urls) -> None:
    async def call(told: Told) -> None:
        raise Unavailable("The mail server does not answer.")

    async with house(migrated) as made:
        consumer = made.subscribe("a.call", CREATED, call)
        await made.create(uuid4())
        await made.relay()
        for _ in range(MAX_ATTEMPTS + 2):
            await consumer.run()
            await made.query("update deliveries set next_attempt_at = now()")
        assert [tuple(row) for row in await made.query("select attempts, dead from deliveries")] == [(MAX_ATTEMPTS + 2, False)]


async def test_a_savepoint_that_is_undone_does_not_take_the_inbox_with_it(migrated: Urls) -> None:
    tenant = uuid4()
    async with house(migrated) as made:

        async def copy(told: Told) -> None:
            for sku in ("TAKEN", f"COPY-{uuid4()}"):
                try:
                    async with savepoint():
                        await made.store.items.create(item(tenant_id=told.tenant_id, name="copy", sku=sku))
                except Conflict:
                    continue

        await made.create(tenant, "TAKEN")
        await made.relay()
        consumer = made.subscribe("a.copy", CREATED, copy)
        await made.create(tenant)
        await made.relay()
        await deliver_twice(made, "a.copy", consumer.run)
        assert len(await made.query("select from items where name = 'copy'")) == 1
        assert await made.query("select from deliveries") == []


async def deliver_twice(made: EventHarness, name: str, run: Any) -> None:
    """As by a worker that died between its effects and its bookkeeping."""
    kept = await made.query("select * from deliveries where subscription = $1", name)
    await run()
    for row in kept:
        await made.query("insert into deliveries select ($1::deliveries).*", row)
    await run()


async def test_whoever_hangs_with_its_shards_is_cut_off_by_the_server(migrated: Urls) -> None:
    """As the transaction's own setting: a pooler takes none for the session."""
    connection = await asyncpg.connect(migrated.worker)
    async with connection.transaction():
        assert len(await shards_for(connection, "a.hear")) == SHARDS
        assert await connection.fetchval("show idle_in_transaction_session_timeout") == "1min"
        other = await asyncpg.connect(migrated.worker)
        async with other.transaction():
            assert await shards_for(other, "a.hear") == []
            assert len(await shards_for(other, "b.hear")) == SHARDS
        await other.close()
    assert await connection.fetchval("show idle_in_transaction_session_timeout") == "0"
    await connection.close()


@pytest.mark.parametrize(
    ("statement", "values"), [(WAITING, (list(range(SHARDS)), 500)), (DUE, ("a.hear", list(range(SHARDS)), 100))], ids=["relay", "consumer"]
)
async def test_a_batch_costs_the_same_however_much_waits(migrated: Urls, statement: str, values: tuple[Any, ...]) -> None:
    """Read in order up to the limit, by indexes, although the planner believes that the tables are empty."""
    connection = await asyncpg.connect(migrated.worker)
    async with connection.transaction():
        await shards_for(connection, "a.hear")
        plan = "\n".join(row[0] for row in await connection.fetch(f"explain {statement}", *values))
    await connection.close()
    assert "Limit" in plan
    assert "Sort  (" not in plan
    assert "Seq Scan" not in plan

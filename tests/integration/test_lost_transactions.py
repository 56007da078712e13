"""Connections that are lost and handlers that go on: nothing is half-written, and what may have been committed is not tried again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.core.errors import ApiBaseError, ProgrammingError, Transient, Unavailable
from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from tests.factories.items import item
from tests.support import Stored, act_for, stored


@pytest.fixture
async def store(migrated: Urls) -> AsyncIterator[Stored]:
    async with stored(migrated, size=2) as one:
        yield one


@pytest.fixture
async def owner(migrated: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(migrated.owner)
    yield connection
    await connection.close()


@pytest.fixture
def tenant() -> UUID:
    tenant = uuid4()
    act_for(tenant)
    return tenant


async def end_backends(admin: str, condition: str = "true") -> None:
    connection = await asyncpg.connect(admin)
    try:
        async with asyncio.timeout(5):
            sql = f"select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where usename = 'app' and {condition}"
            while not await connection.fetchval(sql):
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def skus(owner: asyncpg.Connection) -> list[str]:
    return [row["sku"] for row in await owner.fetch("select sku from items order by sku")]


async def hold_table(owner: asyncpg.Connection) -> asyncpg.connection.transaction.Transaction:
    """Until it is rolled back nobody writes items."""
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("lock table items in share mode")
    return transaction


async def test_a_connection_lost_while_the_one_statement_runs_leaves_the_outcome_unknown(
    store: Stored, owner: asyncpg.Connection, admin_of_migrated: str, tenant: UUID
) -> None:
    lock = await hold_table(owner)

    async def create() -> None:
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.create(item(tenant_id=tenant))

    creating = asyncio.create_task(create())
    await end_backends(admin_of_migrated, "wait_event_type = 'Lock'")
    with pytest.raises(Unavailable, match="Read the current state before you try again"):
        await creating
    await lock.rollback()


async def test_a_connection_lost_before_the_commit_was_sent_may_be_tried_again(
    store: Stored, owner: asyncpg.Connection, admin_of_migrated: str, tenant: UUID
) -> None:
    with pytest.raises(Transient):
        async with store.begin(Isolation.SERIALIZABLE):
            await store.items.get(uuid4())
            await end_backends(admin_of_migrated, "state = 'idle in transaction'")
            await store.items.create(item(tenant_id=tenant))
    assert await skus(owner) == []


async def test_a_handler_that_goes_on_after_a_failed_read_commits_nothing_and_is_told(
    store: Stored, owner: asyncpg.Connection, tenant: UUID
) -> None:
    with pytest.raises(ProgrammingError, match="nothing was committed"):
        async with store.begin(Isolation.OPTIMISTIC):
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="A"))
            with suppress(asyncpg.PostgresError):
                await store.database.run(lambda connection: connection.execute("select 1/0"))
    assert await skus(owner) == []


async def test_a_handler_that_goes_on_after_a_lost_connection_commits_nothing_and_is_told(
    store: Stored, owner: asyncpg.Connection, admin_of_migrated: str, tenant: UUID
) -> None:
    with pytest.raises(ProgrammingError, match="nothing was committed"):
        async with store.begin(Isolation.OPTIMISTIC):
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="A"))
            await end_backends(admin_of_migrated, "state = 'idle in transaction'")
            with suppress(ApiBaseError):
                async with savepoint():
                    await store.items.create(item(tenant_id=tenant, sku="B"))
            await store.items.create(item(tenant_id=tenant, sku="C"))
    assert await skus(owner) == []


async def test_a_cancellation_inside_a_savepoint_stays_one_and_leaves_nothing(
    store: Stored, owner: asyncpg.Connection, tenant: UUID
) -> None:
    reading = asyncio.Event()

    async def work() -> None:
        async with store.begin(Isolation.OPTIMISTIC):
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="A"))
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="B"))
                reading.set()
                await store.database.run(lambda connection: connection.execute("select pg_sleep(15)"))

    task = asyncio.create_task(work())
    await reading.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await skus(owner) == []
    figures = store.database.figures()
    assert figures.open == figures.idle


async def test_who_is_cancelled_twice_while_committing_still_waits_for_its_end(
    store: Stored, owner: asyncpg.Connection, tenant: UUID
) -> None:
    lock = await hold_table(owner)

    async def create() -> None:
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.create(item(tenant_id=tenant, sku="A"))

    task = asyncio.create_task(create())
    async with asyncio.timeout(5):
        while not await owner.fetchval("select exists (select from pg_locks where not granted)"):
            await asyncio.sleep(0.01)
    for _ in range(2):
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
        assert not task.done()
    await lock.rollback()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await skus(owner) == ["A"]

"""Whoever comes next to a connection, after a cancellation, finds nothing of the one before.

The pool has one connection, so the next user gets this one, or a new one in its place.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import open_unit, savepoint
from tests.factories.items import item
from tests.support import Stored, act_for, stored

ISOLATIONS: Final = (Isolation.OPTIMISTIC, Isolation.SERIALIZABLE)

type Block = Callable[[Stored, UUID], Awaitable[object]]


async def in_a_statement(store: Stored, tenant: UUID) -> None:
    await open_unit().run(lambda connection: connection.execute("select pg_sleep(20)"))


async def in_the_handler(store: Stored, tenant: UUID) -> None:
    await asyncio.Event().wait()


async def in_a_savepoint(store: Stored, tenant: UUID) -> None:
    async with savepoint():
        await store.items.create(item(tenant_id=tenant, sku="IN-SAVEPOINT"))
        await asyncio.Event().wait()


async def write(store: Stored, isolation: Isolation, tenant: UUID, *skus: str) -> None:
    async with store.begin(isolation):
        for sku in skus:
            await store.items.create(item(tenant_id=tenant, sku=sku))


async def cancelled(store: Stored, isolation: Isolation, tenant: UUID, block: Block) -> None:
    """A unit of work that has sent an item and is cancelled before its commit."""
    sent = asyncio.Event()

    async def work() -> None:
        async with store.begin(isolation):
            async with savepoint():
                await store.items.create(item(tenant_id=tenant, sku="CANCELLED"))
            sent.set()
            await block(store, tenant)

    task = asyncio.create_task(work())
    await sent.wait()
    for _ in range(3):  # whatever it does next has begun; where exactly it is cancelled makes no difference
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("block", [in_a_statement, in_the_handler, in_a_savepoint])
async def test_the_next_write_commits_nothing_of_a_cancelled_one(shared_migrated: Urls, isolation: Isolation, block: Block) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(shared_migrated, size=1) as store:
        await cancelled(store, isolation, tenant, block)
        await write(store, isolation, tenant, "ALONE")  # one statement
        await write(store, isolation, tenant, "FIRST", "SECOND")  # a transaction
        figures = store.database.figures()
    owner = await asyncpg.connect(shared_migrated.owner)
    try:
        kept = await owner.fetch("select sku from items where tenant_id = $1 order by sku", tenant)
        audited = await owner.fetchval("select count(*) from audit where tenant_id = $1", tenant)
    finally:
        await owner.close()
    assert [row["sku"] for row in kept] == ["ALONE", "FIRST", "SECOND"]
    assert audited == 3
    assert (figures.open, figures.idle, figures.waiting) == (1, 1, 0)


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_the_next_read_is_in_no_transaction_of_a_cancelled_unit(shared_migrated: Urls, isolation: Isolation) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(shared_migrated, size=1) as store:
        await cancelled(store, isolation, tenant, in_the_handler)
        acting = "select coalesce(current_setting('app.tenant_id', true), '')"
        connection = await store.database.pool.acquire()
        assert not connection.is_in_transaction()
        assert await connection.fetchval(acting) == ""
        store.database.pool.release(connection)

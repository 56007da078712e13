"""1,000 tenants on 5 connections, with cancellations, timeouts, rollbacks and killed backends: nobody sees or touches what is another's,
nothing is half-written, and the pool is whole after_response.
"""

import asyncio
import random
from collections import Counter
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.statement import OWNER, Statement
from tests.factories.items import NOW, item
from tests.support import Stored, act_for, stored

TENANTS = [UUID(int=n) for n in range(1, 1001)]
ATTACKS = 4000
KILLS = 40

UNDECLARED = sa.table("items", sa.column("tenant_id"))
"""The table by name alone: `Statement` refuses to read a declared one without its owner."""

NET_ONLY = Statement(sa.select(sa.select(UNDECLARED.c.tenant_id).where(OWNER.is_not(None)).limit(sa.literal_column("300")).subquery()))
"""A statement without the predicate on the tenant: the policy alone must hold."""


class Attack:
    def __init__(self, store: Stored, chance: random.Random) -> None:
        self.store, self.chance = store, chance
        self.ids: dict[UUID, UUID] = {}
        self.counted: Counter[str] = Counter()
        self.acknowledged: set[UUID] = set()

    async def one(self, number: int) -> None:
        tenant, other = self.chance.sample(TENANTS, 2)
        act_for(tenant)
        kinds = (self.read, self.read_without_predicate, self.write, self.rename_own, self.rename_foreign, self.fail)
        await kinds[number % len(kinds)](tenant, other)

    async def read(self, tenant: UUID, other: UUID) -> None:
        own, foreign = await self.store.items.get(self.ids[tenant]), await self.store.items.get(self.ids[other])
        self.counted["own"] += own is not None and own.tenant_id == tenant
        self.counted["foreign"] += foreign is not None

    async def read_without_predicate(self, tenant: UUID, other: UUID) -> None:
        rows = await self.store.database.fetch(NET_ONLY, tenant)
        self.counted["own"] += len(rows)
        self.counted["foreign"] += sum(row["tenant_id"] != tenant for row in rows)

    async def write(self, tenant: UUID, other: UUID) -> None:
        new = item(tenant_id=tenant, name="attack")
        async with self.store.begin(Isolation.OPTIMISTIC):
            await self.store.items.create(new)
        self.acknowledged.add(new.id)

    async def rename_own(self, tenant: UUID, other: UUID) -> None:
        found = await self.store.items.get(self.ids[tenant])
        assert found is not None
        found.change(NOW, name=f"renamed {self.chance.random()}")
        async with self.store.begin(self.chance.choice([Isolation.OPTIMISTIC, Isolation.SERIALIZABLE])):
            await self.store.items.update(found)
        self.counted["renamed"] += 1

    async def rename_foreign(self, tenant: UUID, other: UUID) -> None:
        """With the id and the version of another's item: the guard matches no row."""
        forged = item(id=self.ids[other], tenant_id=tenant, name="stolen")
        forged.version = 1
        async with self.store.begin(Isolation.OPTIMISTIC):
            await self.store.items.update(forged)
        self.counted["foreign"] += 1

    async def fail(self, tenant: UUID, other: UUID) -> None:
        async with self.store.begin(Isolation.SERIALIZABLE):
            await self.store.items.get(self.ids[tenant])
            await self.store.items.create(item(tenant_id=tenant, name="rolled back"))
            raise RuntimeError("on purpose")


async def seed(attack: Attack) -> None:
    act_for(TENANTS[0])
    async with attack.store.begin(Isolation.OPTIMISTIC):
        for tenant in TENANTS:
            created = await attack.store.items.create(item(tenant_id=tenant, name="first"))
            attack.ids[tenant] = created.id


async def kill_backends(admin: str) -> None:
    connection = await asyncpg.connect(admin)
    for _ in range(KILLS):
        await asyncio.sleep(0.02)
        await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app' order by random() limit 1")
    await connection.close()


@pytest.mark.slow
async def test_nobody_gets_at_what_is_anothers(migrated: Urls, admin_of_migrated: str) -> None:
    chance = random.Random(7)
    loop = asyncio.get_running_loop()
    async with stored(migrated, size=5, acquire_timeout=30) as store:
        attack = Attack(store, chance)
        await seed(attack)
        killing = asyncio.create_task(kill_backends(admin_of_migrated))
        tasks = [asyncio.create_task(attack.one(number)) for number in range(ATTACKS)]
        for task in tasks:
            if chance.random() < 0.15:
                loop.call_later(chance.random() * 2, task.cancel)
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if outcome is not None:
                attack.counted[type(outcome).__name__] += 1
                assert isinstance(outcome, ApiBaseError | RuntimeError | asyncio.CancelledError), repr(outcome)
        await killing
        for _ in range(50):
            act_for(TENANTS[0])
            for attempt in range(6):
                try:
                    await store.items.get(attack.ids[TENANTS[0]])
                    break
                except ApiBaseError:
                    assert attempt < 5
        figures = store.database.figures()
        assert figures.open == figures.idle <= 5
        assert figures.waiting == 0
    assert attack.counted["foreign"] == 0
    assert attack.counted["own"] > 100
    assert attack.counted["CancelledError"] > 50
    await check_whole(migrated, attack)


async def check_whole(urls: Urls, attack: Attack) -> None:
    connection = await asyncpg.connect(urls.owner)
    try:
        stored_ids = {row["id"] for row in await connection.fetch("select id from items where name = 'attack'")}
        assert attack.acknowledged <= stored_ids
        assert not await connection.fetchval("select count(*) from items where name in ('stolen', 'rolled back')")
        half = await connection.fetchval(
            "select count(*) from items i where i.version <> (select count(*) from audit a where a.entity_id = i.id and a.tenant_id = i.tenant_id)"
        )
        assert half == 0, "a state without its audit, or an audit without its state"
        assert not await connection.fetchval("select count(*) from audit a where not exists (select from items i where i.id = a.entity_id)")
        assert await connection.fetchval("select count(*) from items") >= len(TENANTS) + len(attack.acknowledged)
    finally:
        await connection.close()


async def test_without_a_tenant_nothing_is_seen(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            await store.items.create(item(tenant_id=tenant))
        connection = await store.database.pool.acquire()
        assert await connection.fetchval("select count(*) from items") == 0
        store.database.pool.release(connection)

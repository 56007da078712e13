"""Transactions that change the same rows in different orders: those that can, lock in one order; the others meet a deadlock once."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.application.common.batch import BatchMode
from api_base.application.common.cqrs import PUBLIC, Bus, Command, Message, on
from api_base.application.common.cqrs.bus import Call
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from tests.application import running, settings_on
from tests.factories.items import NOW, item
from tests.support import Stored, act_for, stored

CLIENTS = 16


async def deadlocks(urls: Urls) -> int:
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute("select pg_stat_force_next_flush()")
        return int(await connection.fetchval("select deadlocks from pg_stat_database where datname = current_database()"))
    finally:
        await connection.close()


@pytest.mark.parametrize("mode", BatchMode)
async def test_batches_of_the_same_items_in_any_order_meet_no_deadlock(migrated: Urls, mode: BatchMode) -> None:
    random = Random(7)
    async with running(settings_on(migrated)) as api:
        person = await api.person()
        ids = [(await api.item(person))["id"] for _ in range(5)]
        batches = [
            {
                "mode": mode.value,
                "operations": [
                    {"action": "update", "id": id, "changes": {"attributes": {f"m{i}": i}}} for id in random.sample(ids, len(ids))
                ],
            }
            for i in range(CLIENTS)
        ]
        answers = await asyncio.gather(*(api.client.post("/api/v1/items/batch", json=one, headers=person.headers) for one in batches))
        assert Counter(answer.status_code for answer in answers) == {200: CLIENTS}
        for id in ids:
            assert len((await api.client.get(f"/api/v1/items/{id}", headers=person.headers)).json()["attributes"]) == CLIENTS
    assert await deadlocks(migrated) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameBoth(Command[None]):
    """Renames two items in this order, each in a savepoint of its own."""

    permission = PUBLIC
    name: str
    ids: tuple[UUID, UUID]


class RenameBothHandler:
    """In their first attempts the two commands meet between their items."""

    def __init__(self, store: Stored) -> None:
        self._store, self._meeting = store, asyncio.Barrier(2)
        self.attempts: Counter[str] = Counter()

    async def handle(self, command: RenameBoth) -> None:
        self.attempts[command.name] += 1
        for id in command.ids:
            async with savepoint():
                found = await self._store.items.get(id)
                assert found is not None
                found.change(NOW, name=command.name)
                await self._store.items.update(found)
            if self.attempts[command.name] == 1 and id == command.ids[0]:
                await self._meeting.wait()


async def test_who_met_a_deadlock_locks_its_rows_in_order_the_next_time(migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(migrated) as store:
        async with store.begin(Isolation.OPTIMISTIC):
            first, second = [(await store.items.create(item(tenant_id=tenant, sku=sku))).id for sku in "AB"]
        handler = RenameBothHandler(store)

        def in_unit(message_type: type[Message[Any]], call_next: Call) -> Call:
            async def call(message: Message[Any]) -> Any:
                async with store.begin(Isolation.OPTIMISTIC):
                    return await call_next(message)

            return call

        bus = Bus([RetryMiddleware(), in_unit])
        bus.add([on(RenameBoth, handler)])
        await asyncio.gather(
            bus.execute(RenameBoth(name="up", ids=(first, second))), bus.execute(RenameBoth(name="down", ids=(second, first)))
        )
        assert sorted(handler.attempts.values()) == [1, 2]
        renamed = [await store.items.get(id) for id in (first, second)]
    assert len({one.details.name for one in renamed if one is not None}) == 1, "the second attempt came after the other commit"
    assert await deadlocks(migrated) == 1

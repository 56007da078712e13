"""Keys of two parts: rows that share one part are told apart by the other."""

from uuid import uuid4

import pytest

from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.events import relay
from api_base.infrastructure.tasks.store import SqlJobStore
from tests.integration.event_harness import EventHarness, house
from tests.job_harness import Note, job_harness


async def published(shop: EventHarness) -> list[bool]:
    return [row["published"] for row in await shop.query("select published from outbox order by sequence")]


async def test_an_event_of_the_same_moment_waits_for_its_own_publication(migrated: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BATCH", 1)
    async with house(migrated) as shop:
        tenant = uuid4()
        for _ in range(3):
            await shop.create(tenant)
        await shop.query("update outbox set at = (select min(at) from outbox)")
        run = relay.Relay(shop.worker.pool, _Nobody(), _NoJournal(), shop.versions).run
        for number in range(1, 4):
            assert await run()
            assert await published(shop) == [True] * number + [False] * (3 - number)
        assert not await run()


class _Nobody:
    """A broker that takes everything."""

    async def publish(self, events: object) -> None:
        pass


class _NoJournal:
    """The journal of an application without channels."""

    async def append(self, connection: object, events: object) -> tuple[()]:
        return ()

    async def signal(self, changed: object) -> None:
        raise AssertionError("nothing changed")


async def test_a_job_is_due_apart_from_that_of_another_tenant_with_its_id(migrated: Urls) -> None:
    due, later = sorted((uuid4(), uuid4()))
    worker = Database(migrated.worker, PoolOptions(size=2, acquire_timeout=5, statement_timeout=5))
    await worker.open()
    try:
        async with job_harness(migrated) as shop:
            for tenant in (due, later):
                await shop.enqueue(Note(), tenant=tenant)
            await shop.rows(
                "update jobs set id = (select min(id::text)::uuid from jobs), state = 'waiting', scheduled_at = now() + interval '1 hour'"
            )
            store = SqlJobStore(worker.pool, keep_days=1)
            await shop.rows(f"update jobs set scheduled_at = now() where tenant_id = '{due}'")
            assert await store.stage() == 1
            assert [row["state"] for row in await shop.rows("select state from jobs order by tenant_id")] == ["ready", "waiting"]
            [claimed] = await store.claim(10)
            assert claimed.tenant_id == due
            await shop.rows("update jobs set state = 'running', leased_until = now() + interval '1 hour'")
            await shop.rows(f"update jobs set leased_until = now() - interval '1 second' where tenant_id = '{due}'")
            assert await store.stage() == 1
            assert [row["state"] for row in await shop.rows("select state from jobs order by tenant_id")] == ["ready", "running"]
    finally:
        await worker.close()

"""What waits for workers, as the worker measures it with its own privileges."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.tasks.backlog import MOST, Backlog
from tests.audit import ONE, Audited, add, audited

JOB = """
insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)
select $1, gen_random_uuid(), $1, 'items.import', $2, 0, now() - $3::interval, 0, '{}', '', '', now(), 0 from generate_series(1, $4)
"""
DELIVERY = "insert into deliveries values ($1, $2, now() - $3::interval, $4, 0, $4, 0, now(), $5, null)"
EVENT = """
insert into outbox (at, id, tenant_id, shard, name, aggregate_id, aggregate_version, request_id, traceparent, payload, published)
values (now() - $2::interval, $1, $1, 0, 'items.deleted.v1', $1, 1, '', '', '{}', $3)
"""


@dataclass
class World:
    trail: Audited
    figures: dict[str, float] = field(default_factory=dict)

    async def measured(self) -> dict[str, int]:
        """The figures. Ages are rounded down to 10 s: the measurement takes a while."""
        assert await Backlog(self.trail.worker, self.figures.__setitem__).run() is False
        return {name: int(value) // 10 * 10 if name.endswith("_seconds") else int(value) for name, value in self.figures.items()}

    async def job(self, state: str, due: int, count: int = 1) -> None:
        await self.trail.admin.execute(JOB, ONE, state, timedelta(seconds=due), count)

    async def delivery(self, subscription: str, sequence: int, age: int, *, dead: bool) -> None:
        await self.trail.admin.execute(DELIVERY, subscription, sequence, timedelta(seconds=age), uuid4(), dead)

    async def event(self, age: int, *, published: bool) -> None:
        await self.trail.admin.execute(EVENT, uuid4(), timedelta(seconds=age), published)


@pytest.fixture
async def world(migrated: Urls, admin_of_migrated: str) -> AsyncIterator[World]:
    async with audited(migrated, admin_of_migrated) as trail:
        yield World(trail)


async def test_nothing_waits_in_an_empty_database(world: World) -> None:
    assert set((await world.measured()).values()) == {0}


async def test_due_jobs_and_dead_ones(world: World) -> None:
    await world.job("waiting", due=90)
    await world.job("ready", due=30)
    await world.job("waiting", due=-900)
    await world.job("succeeded", due=900)
    await world.job("dead", due=900)
    found = await world.measured()
    assert (found["jobs_waiting"], found["jobs_waiting_seconds"], found["jobs_dead"]) == (2, 90, 1)


async def test_what_subscribers_have_not_handled(world: World) -> None:
    await world.delivery("invoices.issue", 1, 500, dead=True)
    await world.delivery("invoices.issue", 2, 200, dead=False)
    await world.delivery("search.items_on_items_created_v1", 3, 100, dead=False)
    found = await world.measured()
    assert (found["deliveries_waiting"], found["deliveries_waiting_seconds"], found["deliveries_dead"]) == (2, 200, 1)
    assert found["search_waiting_seconds"] == 100


async def test_what_is_not_published(world: World) -> None:
    await world.event(300, published=True)
    await world.event(60, published=False)
    found = await world.measured()
    assert (found["outbox_unpublished"], found["outbox_unpublished_seconds"]) == (1, 60)


async def test_what_is_not_sealed(world: World) -> None:
    await add(world.trail.app, ONE, datetime.now(UTC) - timedelta(seconds=700))
    assert (await world.measured())["audit_unsealed_seconds"] == 700
    await world.trail.seal()
    assert (await world.measured())["audit_unsealed_seconds"] == 0


async def test_a_count_ends_where_it_would_cost_too_much(world: World) -> None:
    await world.job("waiting", due=90, count=MOST + 5)
    assert (await world.measured())["jobs_waiting"] == MOST

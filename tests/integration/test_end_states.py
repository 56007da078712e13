"""One round past every end state of events and jobs: what is dead stays dead, and what is over is not done again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from api_base.application.common.jobs import Outcome
from api_base.core.errors import EventRefused, JobLost, RuleViolated, Transient, Unavailable
from api_base.core.protocols import Isolation
from api_base.core.protocols.jobs import JobState
from api_base.core.types import RunningJob
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.events.consumer import MAX_ATTEMPTS
from api_base.infrastructure.tasks.completion import SqlJobCompletion
from api_base.infrastructure.tasks.executor import RENEWAL_INTERVAL
from api_base.infrastructure.tasks.store import LEASE, MAX_LOST_ATTEMPTS, SqlJobStore
from tests.integration.event_harness import CHANGED, EventHarness, Told, house
from tests.job_harness import JobHarness, Note, job_harness

NOW_DUE: Final = "update deliveries set next_attempt_at = now() - interval '1 second'"


async def deliveries(made: EventHarness) -> list[tuple[int, bool]]:
    return [(row["attempts"], row["dead"]) for row in await made.query("select attempts, dead from deliveries order by sequence")]


async def test_a_dead_letter_holds_up_its_aggregate_in_every_later_round(migrated: Urls) -> None:
    heard: list[UUID] = []

    async def hear(told: Told) -> None:
        heard.append(told.aggregate_id)
        raise RuleViolated("poison")

    async with house(migrated) as made:
        consumer = made.subscribe("a.hear", CHANGED, hear)
        tenant = uuid4()
        bad = await made.create(tenant)
        for name in ("first", "second"):
            await made.rename(tenant, bad, name)
        await made.relay()
        for _ in range(MAX_ATTEMPTS + 3):
            await consumer.run()
            await made.query(NOW_DUE)
        assert await deliveries(made) == [(MAX_ATTEMPTS, True), (0, False)]
        assert len(heard) == MAX_ATTEMPTS
        await made.rename(tenant, bad, "third")  # what comes later waits too
        await made.relay()
        await consumer.run()
        assert len(heard) == MAX_ATTEMPTS


async def test_an_event_waits_while_the_one_before_it_has_a_pause(migrated: Urls) -> None:
    heard: list[UUID] = []

    async def hear(told: Told) -> None:
        heard.append(told.aggregate_id)
        if len(heard) == 1:
            raise RuleViolated("not yet")

    async with house(migrated) as made:
        consumer = made.subscribe("a.hear", CHANGED, hear)
        tenant = uuid4()
        id = await made.create(tenant)
        for name in ("first", "second"):
            await made.rename(tenant, id, name)
        await made.relay()
        await consumer.run()
        await consumer.run()
        assert await deliveries(made) == [(1, False), (0, False)]
        assert len(heard) == 1
        await made.query(NOW_DUE)
        await consumer.run()
        assert await deliveries(made) == []


@pytest.mark.parametrize(
    ("error", "attempts", "dead"),
    [
        (EventRefused(uuid4(), "cannot be read"), 1, True),
        (RuleViolated("no"), MAX_ATTEMPTS - 1, False),
        (RuleViolated("no"), MAX_ATTEMPTS, True),
        (ValueError("a bug"), MAX_ATTEMPTS, True),
        (Unavailable("down"), MAX_ATTEMPTS + 2, False),
        (Transient("again"), MAX_ATTEMPTS + 2, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_a_delivery_is_dead_after_its_last_attempt_and_never_of_an_outage(
    migrated: Urls, error: Exception, attempts: int, dead: bool
) -> None:
    async def hear(told: Told) -> None:
        raise error

    async with house(migrated) as made:
        consumer = made.subscribe("a.hear", CHANGED, hear)
        tenant = uuid4()
        await made.rename(tenant, await made.create(tenant), "changed")
        await made.relay()
        for _ in range(attempts):
            await consumer.run()
            await made.query(NOW_DUE)
        assert await deliveries(made) == [(attempts, dead)]


class Jobs:
    """The store of a worker, and one job in a tenant."""

    def __init__(self, shop: JobHarness, pool: ConnectionPool) -> None:
        self.shop, self.store = shop, SqlJobStore(pool, keep_days=1)

    async def row(self) -> dict[str, Any]:
        [row] = await self.shop.rows(
            "select state, attempts, failures, lost_attempts, result, error, leased_until - now() as lease from jobs"
        )
        return dict(row)


@pytest.fixture
async def jobs(migrated: Urls) -> AsyncIterator[Jobs]:
    database = Database(migrated.worker, PoolOptions(size=2, acquire_timeout=5, statement_timeout=5))
    await database.open()
    try:
        async with job_harness(migrated) as shop:
            await shop.enqueue(Note(), tenant=uuid4())
            yield Jobs(shop, database.pool)
    finally:
        await database.close()


OVER: Final = "update jobs set leased_until = now() - interval '1 millisecond' where state = 'running'"


async def test_a_claimed_job_is_the_callers_for_the_lease(jobs: Jobs) -> None:
    [job] = await jobs.store.claim(1)
    lease = (await jobs.row())["lease"]
    assert LEASE * 0.9 < lease <= LEASE
    await jobs.shop.rows("update jobs set leased_until = now() + interval '1 second'")
    assert await jobs.store.renew([job]) == {job.id}
    lease = (await jobs.row())["lease"]
    assert LEASE * 0.9 < lease <= LEASE
    assert await jobs.store.stage() == 0  # held: nobody else may have it
    assert await jobs.store.claim(1) == []
    assert job.tenant_id is not None
    assert await jobs.store.claim_one(job.tenant_id, job.id) is None


def test_a_worker_renews_several_times_within_a_lease() -> None:
    assert LEASE.total_seconds() >= 4 * RENEWAL_INTERVAL


async def test_a_job_whose_lease_ran_out_is_another_workers(jobs: Jobs) -> None:
    [first] = await jobs.store.claim(1)
    await jobs.shop.rows(OVER)
    assert await jobs.store.stage() == 1
    [second] = await jobs.store.claim(1)
    assert (second.id, second.attempt) == (first.id, first.attempt + 1)
    before = await jobs.row()
    # the first worker comes back: it changes nothing of what is the second's now
    await jobs.store.settle([(first, Outcome(state=JobState.SUCCEEDED, result="1"))])
    await jobs.store.release([first])
    assert await jobs.store.renew([first]) == set()
    after = await jobs.row()
    assert {name: after[name] for name in after if name != "lease"} == {name: before[name] for name in before if name != "lease"}
    await jobs.store.settle([(second, Outcome(state=JobState.SUCCEEDED, result="2"))])
    settled = await jobs.row()
    assert (settled["state"], settled["result"], settled["attempts"]) == ("succeeded", "2", 2)
    await jobs.store.settle([(second, Outcome(state=JobState.DEAD, error="late"))])  # over is over
    assert (await jobs.row())["state"] == "succeeded"
    assert await jobs.store.stage() == 0


async def test_a_job_becomes_ready_at_its_own_time_whatever_other_tenants_have_under_its_id(jobs: Jobs) -> None:
    """The key of a job is its tenant and its id."""
    [id] = await jobs.shop.enqueue(Note(), tenant=uuid4(), delay=timedelta(hours=1))
    await jobs.shop.rows(f"update jobs set id = '{id}', state = 'waiting', scheduled_at = now() where state = 'ready'")
    await jobs.store.stage()
    states = [row["state"] for row in await jobs.shop.rows("select state from jobs order by scheduled_at")]
    assert states == ["ready", "waiting"]


async def settle(jobs: Jobs, job: RunningJob) -> None:
    async def work() -> None:
        await open_unit().run(lambda connection: connection.execute("select 1"))  # an effect, to be committed with the outcome
        assert SqlJobCompletion(keep_days=1).settle(job, 7)

    await _in_unit(jobs, job, work)


async def advance(jobs: Jobs, job: RunningJob) -> None:
    async def work() -> None:
        SqlJobCompletion(keep_days=1).advance(50)

    await _in_unit(jobs, job, work)


async def _in_unit(jobs: Jobs, job: RunningJob, work: Callable[[], Awaitable[None]]) -> None:
    await jobs.shop.services.container.transactions.run(Isolation.OPTIMISTIC, work, job)


@pytest.mark.parametrize("write", [settle, advance])
async def test_a_unit_of_work_of_a_lost_attempt_commits_nothing(jobs: Jobs, write: Callable[[Jobs, RunningJob], Awaitable[None]]) -> None:
    [job] = await jobs.store.claim(1)
    stale = RunningJob(id=job.id, tenant_id=job.tenant_id, attempt=job.attempt, command=None)
    await jobs.shop.rows(OVER)
    await jobs.store.stage()
    [current] = await jobs.store.claim(1)
    with pytest.raises(JobLost):
        await write(jobs, stale)
    assert (await jobs.row())["state"] == "running"
    await write(jobs, replace(stale, attempt=current.attempt))


async def test_a_job_that_ends_its_workers_is_dead_after_the_last_lost_attempt_and_stays_so(jobs: Jobs) -> None:
    for number in range(1, MAX_LOST_ATTEMPTS + 1):
        assert len(await jobs.store.claim(1)) == 1
        await jobs.shop.rows(OVER)
        assert await jobs.store.stage() == 1
        row = await jobs.row()
        assert (row["state"], row["lost_attempts"]) == ("dead" if number == MAX_LOST_ATTEMPTS else "ready", number)
    assert await jobs.store.claim(1) == []
    assert await jobs.store.stage() == 0

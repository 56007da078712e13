"""A claim on the real database: its lease, and what a worker may still do after another one has the job."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from api_base.application.common.jobs import Outcome
from api_base.core.protocols import ClaimedJob, JobState
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import PoolOptions
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.tasks.store import LEASE, SqlJobStore
from tests.job_harness import JobHarness, Note, job_harness


@asynccontextmanager
async def claimed(urls: Urls) -> AsyncIterator[tuple[JobHarness, SqlJobStore, ClaimedJob]]:
    """A job that a worker has claimed."""
    async with job_harness(urls) as shop:
        await shop.enqueue(Note(), tenant=uuid4())
        database = Database(urls.worker, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
        await database.open()
        try:
            store = SqlJobStore(database.pool, 1)
            [job] = await store.claim(10)
            yield shop, store, job
        finally:
            await database.close()


async def test_a_claim_holds_for_the_time_of_a_lease_and_no_other_worker_gets_the_job(migrated: Urls) -> None:
    async with claimed(migrated) as (shop, store, job):
        [row] = await shop.rows()
        assert (row["state"], row["attempts"], row["leased_until"] - row["started_at"]) == ("running", 1, LEASE)
        assert await store.claim(10) == []
        assert await store.stage() == 0
        await shop.rows("update jobs set leased_until = now() + interval '1 second'")
        assert await store.renew([job]) == {job.id}
        [(renewed,)] = await shop.rows("select leased_until > now() + $1::interval - interval '10 seconds' from jobs", LEASE)
        assert renewed


async def test_a_worker_that_lost_a_job_changes_nothing_of_it_any_later(migrated: Urls) -> None:
    async with claimed(migrated) as (shop, store, stale):
        await shop.rows("update jobs set leased_until = now() - interval '1 second'")
        assert await store.stage() == 1
        [second] = await store.claim(10)
        assert (second.id, second.attempt) == (stale.id, 2)
        [before] = await shop.rows()
        await store.settle([(stale, Outcome(state=JobState.SUCCEEDED))])
        await store.release([stale])
        assert await store.renew([stale]) == set()
        assert await shop.rows() == [before]
        await store.settle([(second, Outcome(state=JobState.SUCCEEDED, result="7"))])
        [after] = await shop.rows()
        assert (after["state"], after["result"], after["attempts"], after["lost_attempts"]) == ("succeeded", "7", 2, 1)


async def test_a_job_is_dead_when_its_workers_were_lost_too_often_and_not_before(migrated: Urls) -> None:
    async with claimed(migrated) as (shop, store, _):
        states = []
        for _ in range(5):
            await shop.rows("update jobs set leased_until = now() - interval '1 second'")
            await store.stage()
            [row] = await shop.rows()
            states.append(row["state"])
            await store.claim(10)
        assert states == ["ready", "ready", "ready", "ready", "dead"]
        assert await store.claim(10) == []
        [row] = await shop.rows()
        assert (row["state"], row["lost_attempts"], row["leased_until"], row["expires_at"]) == ("dead", 5, None, None)

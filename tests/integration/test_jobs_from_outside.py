"""What whoever began a job sees of it, and cancelling it; what an operator sees and does."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.common.cqrs import Message
from api_base.application.jobs.cancel_job import CancelJob, JobEnded
from api_base.application.jobs.dtos import JobDTO, JobStatus
from api_base.application.jobs.get_job import GetJob
from api_base.core.errors import Conflict, NotFound, RuleViolated
from api_base.core.protocols import JobState
from api_base.core.types import Principal, RequestContext, current_context
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.tasks.admin import JobAdmin
from tests.job_harness import Enqueue, JobHarness, MakeItem, Note, job_harness, principal, tenant

ONE_HOUR = timedelta(hours=1)


async def ask(shop: JobHarness, who: Principal, message: Message[Any]) -> Any:
    token = current_context.set(RequestContext(request_id="r-1", principal=who))
    try:
        return await shop.services.bus.execute(message)
    finally:
        current_context.reset(token)


async def seen(shop: JobHarness, who: Principal, id: UUID, until: Callable[[JobDTO], bool] = lambda job: True) -> JobDTO:
    """The job, once `until` is true of it."""
    async with asyncio.timeout(30):
        while not until(job := await ask(shop, who, GetJob(id=id))):
            await asyncio.sleep(0.02)
    assert isinstance(job, JobDTO)
    return job


async def test_who_began_a_job_sees_it_and_nobody_else_does(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        house, ana = tenant(), uuid4()
        [id] = await ask(shop, principal(house, ana), Enqueue(messages=[Note()], delay=ONE_HOUR))
        job = await seen(shop, principal(house, ana), id)
        assert (job.id, job.name, job.state, job.progress, job.result, job.finished_at) == (
            id,
            "tests.note",
            JobStatus.QUEUED,
            0,
            None,
            None,
        )
        for other in (principal(house, uuid4()), principal(tenant(), ana)):
            with pytest.raises(NotFound):
                await ask(shop, other, GetJob(id=id))
            with pytest.raises(NotFound):
                await ask(shop, other, CancelJob(id=id))
        assert [row["state"] for row in await shop.rows()] == ["waiting"]


async def test_the_result_and_every_change_show(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        who = principal(tenant())
        [id] = await ask(shop, who, Enqueue(messages=[Note(number=7)]))
        queued = await seen(shop, who, id)
        async with shop.worker():
            done = await seen(shop, who, id, lambda job: job.state is JobStatus.SUCCEEDED)
        assert (done.result, done.progress, done.error) == (7, 100, None)
        assert done.finished_at is not None
        assert done.version != queued.version
        with pytest.raises(JobEnded, match="has succeeded"):
            await ask(shop, who, CancelJob(id=id))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "message"),
    [(RuleViolated("not on Sundays"), "not on Sundays"), (RuntimeError("secret of the inside"), "recorded under the request id r-1")],
)
async def test_refusals_are_told_and_accidents_are_not(migrated: Urls, error: Exception, message: str) -> None:
    async def fail(command: object) -> None:
        raise error

    async with job_harness(migrated, before=fail) as shop:
        who = principal(tenant())
        [id] = await ask(shop, who, Enqueue(messages=[Note()]))
        await shop.rows("update jobs set failures = 9 where id = $1", id)
        async with shop.worker():
            failed = await seen(shop, who, id, lambda job: job.state is JobStatus.FAILED)
        assert failed.error is not None
        assert message in failed.error
        assert "secret" not in failed.error
        with pytest.raises(JobEnded, match="has failed"):
            await ask(shop, who, CancelJob(id=id))


async def test_what_waits_is_cancelled_and_never_begun(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        who = principal(tenant())
        [ready] = await ask(shop, who, Enqueue(messages=[Note(number=1)]))
        [waiting] = await ask(shop, who, Enqueue(messages=[Note(number=2)], delay=ONE_HOUR))
        for id in (ready, waiting):
            await ask(shop, who, CancelJob(id=id))
            assert (await seen(shop, who, id)).state is JobStatus.CANCELLED
            with pytest.raises(JobEnded, match="is already cancelled"):
                await ask(shop, who, CancelJob(id=id))
        [other] = await ask(shop, who, Enqueue(messages=[Note(number=3)]))
        async with shop.worker():
            await seen(shop, who, other, lambda job: job.state is JobStatus.SUCCEEDED)
        assert [command.number for command in shop.carried_out] == [3]


async def test_a_cancel_is_in_the_audit_trail(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        who = principal(tenant())
        [id] = await ask(shop, who, Enqueue(messages=[Note(number=1)]))
        await ask(shop, who, CancelJob(id=id))
        with pytest.raises(JobEnded):
            await ask(shop, who, CancelJob(id=id))
        [record] = await shop.rows("select * from audit where entity = 'job'")
        recorded = [record[name] for name in ("tenant_id", "actor_id", "action", "entity_id", "request_id", "before", "after")]
        assert recorded == [who.tenant_id, who.user_id, "job.cancelled", id, "r-1", '{"state": "ready"}', '{"state": "cancelled"}']


async def test_what_runs_is_cancelled_and_its_worker_lets_go_of_it(migrated: Urls) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def linger(command: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with job_harness(migrated, after=linger) as shop:
        who = principal(tenant())
        [id] = await ask(shop, who, Enqueue(messages=[MakeItem(sku="NEVER")]))
        async with shop.worker(), asyncio.timeout(10):
            await begun.wait()
            assert (await seen(shop, who, id)).state is JobStatus.RUNNING
            await ask(shop, who, CancelJob(id=id))
            await ended.wait()
        assert (await seen(shop, who, id)).state is JobStatus.CANCELLED
        assert await shop.rows("select sku from items") == []


async def test_what_is_cancelled_commits_nothing_more(migrated: Urls) -> None:
    """Whoever is just about to commit, and has heard nothing of it."""
    cancelled: list[UUID] = []

    async with job_harness(migrated) as shop:
        who = principal(tenant())

        async def cancel(command: object) -> None:
            await asyncio.create_task(ask(shop, who, CancelJob(id=cancelled[0])), context=Context())  # as another request would

        [id] = await ask(shop, who, Enqueue(messages=[MakeItem(sku="NEVER")], delay=ONE_HOUR))
        cancelled.append(id)
        shop.after = cancel
        await shop.rows("update jobs set state = 'ready' where id = $1", id)
        async with shop.worker():
            await seen(shop, who, id, lambda job: job.state is JobStatus.CANCELLED)
        assert await shop.rows("select sku from items") == []


async def operator(urls: Urls) -> tuple[ConnectionPool, JobAdmin]:
    pool = ConnectionPool(urls.worker, PoolOptions(size=2, acquire_timeout=5, statement_timeout=10))
    await pool.open()
    return pool, JobAdmin(pool, 7)


async def test_an_operator_finds_jobs_and_tries_the_dead_again(migrated: Urls) -> None:
    async def fail(command: object) -> None:
        if len(shop.carried_out) < 1 and not mended:
            raise RuleViolated("not yet")

    mended: list[bool] = []
    async with job_harness(migrated, before=fail) as shop:
        house = tenant()
        [first] = await shop.enqueue(MakeItem(sku="A"), tenant=house)
        [second] = await shop.enqueue(Note(number=2), delay=ONE_HOUR)
        pool, log = await operator(migrated)
        try:
            async with shop.worker():
                await shop.ended(1)
                [dead] = await log.dead(10)
                assert (dead.id, dead.tenant_id, dead.error, dead.payload) == (first, house, "RuleViolated: not yet", {"sku": "A"})
                listed = await log.newest(state=None, name=None, tenant_id=None, limit=10)
                assert [(one.id, one.state) for one in listed] == [(first, JobState.DEAD), (second, JobState.WAITING)]
                for selected in ({"state": JobState.WAITING}, {"name": "tests.note"}, {"tenant_id": UUID(int=0)}):
                    asked: Any = {"state": None, "name": None, "tenant_id": None} | selected
                    assert [one.id for one in await log.newest(**asked, limit=10)] == [second]
                mended.append(True)
                await log.retry(first)
                await shop.ended(1)
            assert (await log.show(first)).state is JobState.SUCCEEDED
            assert await log.dead(10) == []
            with pytest.raises(Conflict, match="succeeded"):
                await log.retry(first)
            await log.cancel(second)
            assert (await log.show(second)).state is JobState.CANCELLED
            with pytest.raises(Conflict, match="is cancelled already"):
                await log.cancel(second)
            await log.retry(second)
            assert (await log.show(second)).state is JobState.READY
            with pytest.raises(NotFound):
                await log.show(uuid4())
        finally:
            await pool.close()

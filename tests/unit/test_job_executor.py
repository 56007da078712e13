"""The executor without a database: outcomes are written until they are, lost jobs are cancelled, unfinished ones are released."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from api_base.application.common.jobs import Outcome
from api_base.core.errors import Unavailable
from api_base.core.protocols import ClaimedJob, JobState
from api_base.core.types import UserId
from api_base.infrastructure.tasks.executor import JobExecutor

DONE = Outcome(state=JobState.SUCCEEDED)


def job() -> ClaimedJob:
    return ClaimedJob(
        id=uuid4(),
        tenant_id=None,
        user_id=UserId(UUID(int=0)),
        name="tests.note",
        attempt=1,
        failures=0,
        request_id="",
        traceparent="",
        payload=b"{}",
    )


@dataclass
class Store:
    """`outages` writes of outcomes fail first; `lost` jobs belong to another worker."""

    outages: int = 0
    lost: set[UUID] = field(default_factory=set)
    settled: list[UUID] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)

    async def settle(self, outcomes: Sequence[tuple[ClaimedJob, Outcome]]) -> None:
        if self.outages:
            self.outages -= 1
            raise Unavailable("The database is away.")
        self.settled += [one.id for one, _ in outcomes]

    async def renew(self, jobs: Sequence[ClaimedJob]) -> set[UUID]:
        return {one.id for one in jobs} - self.lost

    async def release(self, jobs: Sequence[ClaimedJob]) -> None:
        self.released += [one.id for one in jobs]


class Gate:
    """Runs jobs that wait until they are let on; those of `instant` do not wait."""

    def __init__(self, *instant: ClaimedJob) -> None:
        self.opened, self._instant = asyncio.Event(), {one.id for one in instant}

    async def __call__(self, one: ClaimedJob) -> Outcome | None:
        if one.id not in self._instant:
            await self.opened.wait()
        return DONE


def executor(store: Store, run: Callable[[ClaimedJob], object], *, grace: float = 5.0, concurrency: int = 4) -> JobExecutor:
    return JobExecutor(store, run, concurrency, grace, renewal_interval=0.01, retry_delay=0.01)


async def test_an_outcome_is_written_again_until_the_database_takes_it() -> None:
    store, one, other = Store(outages=3), job(), job()
    jobs = executor(store, Gate(one, other))
    await asyncio.gather(jobs.submit(one), jobs.submit(other))
    assert sorted(store.settled) == sorted([one.id, other.id])
    assert await jobs.capacity() == 4


async def test_a_lost_job_is_cancelled_and_the_others_go_on() -> None:
    store, lost, kept = Store(), job(), job()
    gate = Gate()
    jobs = executor(store, gate)
    ends, goes_on = jobs.submit(lost), jobs.submit(kept)
    await asyncio.sleep(0)
    store.lost.add(lost.id)
    await jobs.renew()
    await asyncio.wait([ends])
    gate.opened.set()
    await goes_on
    assert (ends.cancelled(), store.settled, store.released) == (True, [kept.id], [])


async def test_a_job_with_an_outcome_is_not_cancelled_when_it_is_lost() -> None:
    store, one = Store(outages=2), job()
    jobs = executor(store, Gate(one))
    task = jobs.submit(one)
    while store.outages == 2:  # its outcome is known and not yet written
        await asyncio.sleep(0)
    store.lost.add(one.id)
    await jobs.renew()
    await task
    assert store.settled == [one.id]


async def test_what_does_not_finish_within_the_grace_is_released_and_nothing_else() -> None:
    store, done, unfinished = Store(), job(), job()
    jobs = executor(store, Gate(done), grace=0.05)
    await jobs.submit(done)
    jobs.submit(unfinished)
    await jobs.end()
    assert (store.settled, store.released) == ([done.id], [unfinished.id])
    assert await jobs.capacity() == 4


async def test_jobs_that_finish_within_the_grace_are_written_and_renewed_until_then() -> None:
    store, lost, kept = Store(), job(), job()
    gate = Gate()
    jobs = executor(store, gate)
    task = jobs.submit(lost)
    jobs.submit(kept)
    await asyncio.sleep(0)
    store.lost.add(lost.id)
    ending = asyncio.create_task(jobs.end())
    await asyncio.wait([task])  # a renewal during the end has found it lost
    gate.opened.set()
    await ending
    assert (store.settled, store.released) == ([kept.id], [])


async def test_there_is_capacity_again_when_a_job_ends() -> None:
    store, one = Store(), job()
    gate = Gate()
    jobs = executor(store, gate, concurrency=1)
    jobs.submit(one)
    waiting = asyncio.create_task(jobs.capacity())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.opened.set()
    assert [await waiting, await jobs.capacity()] == [0, 1]

"""Jobs on the real database: enqueued with the change, carried out with their effect exactly once, in turn of their tenants.

What holds whoever carries them is in tests/contracts/test_job_carriers.py.
"""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.core.errors import Forbidden, NoTransaction, ProgrammingError, RuleViolated, Unauthenticated, Unavailable
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.tasks.store import CLAIM, LEASE, fetch_by_index
from tests.job_harness import Enqueue, MakeItem, Note, Orchestrate, creation, job_harness, principal


class Gate:
    """A hook that lets each job on only when it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.calls = 0

    async def __call__(self, message: Any) -> None:
        self.calls += 1
        self.reached.set()
        await self.opened.wait()


class Fails:
    """A hook that raises the errors it is given, one at each call, then nothing."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def __call__(self, message: Any) -> None:
        if self._errors:
            raise self._errors.pop(0)


async def test_a_job_is_carried_out_and_its_result_kept(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        house = uuid4()
        [made, noted, nothing] = await shop.enqueue(MakeItem(sku="A-1"), Note(number=7), Orchestrate(sku="A-2"), tenant=house)
        async with shop.worker():
            rows = await shop.ended(3)
        found = {row["id"]: (row["state"], row["result"], row["attempts"], row["progress"]) for row in rows}
        assert found == {made: ("succeeded", '"A-1"', 1, 100), noted: ("succeeded", "7", 1, 100), nothing: ("succeeded", '"A-2"', 1, 100)}
        assert await shop.skus() == ["A-1", "A-2"]


async def test_without_a_commit_there_is_no_job(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        with pytest.raises(ProgrammingError, match="Enqueue is not a job"):
            await shop.enqueue(Note(), Enqueue(messages=[]))
        with pytest.raises(NoTransaction):
            await shop.services.ports.jobs.enqueue(Note())
        assert await shop.rows() == []


async def test_who_may_not_send_a_command_may_not_enqueue_it(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        with pytest.raises(Unauthenticated):
            await shop.enqueue(creation("A-1"))
        with pytest.raises(Forbidden):
            await shop.enqueue(creation("A-1"), tenant=uuid4())
        assert await shop.rows() == []


async def test_what_is_unique_is_there_once_in_its_tenant(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        one, other = uuid4(), uuid4()
        first = await shop.enqueue(Note(number=1), tenant=one, unique="welcome")
        async with shop.worker():
            await shop.ended(1)
        assert await shop.enqueue(Note(number=2), tenant=one, unique="welcome") == first
        assert await shop.enqueue(Note(number=3), tenant=other, unique="welcome") != first
        assert await shop.enqueue(MakeItem(sku="A"), tenant=one, unique="welcome") != first
        assert [row["payload"] for row in await shop.rows()] == ['{"number": 1}', '{"number": 3}', '{"sku": "A"}']


async def test_what_fails_leaves_nothing_and_is_tried_again(migrated: Urls) -> None:
    async with job_harness(migrated, after=Fails(ValueError("not now"), ValueError("not yet"))) as shop:
        await shop.enqueue(MakeItem(sku="A-1"), tenant=uuid4())
        async with shop.worker():
            [row] = await shop.ended()
        assert (row["state"], row["attempts"], row["error"]) == ("succeeded", 3, None)
        assert await shop.skus() == ["A-1"]


async def test_what_fails_too_often_is_dead_and_stays(migrated: Urls) -> None:
    async with job_harness(migrated, after=Fails(*(ValueError("never") for _ in range(9)))) as shop:
        await shop.enqueue(MakeItem(sku="A-1"), tenant=uuid4())
        async with shop.worker():
            [row] = await shop.ended()
        assert (row["state"], row["attempts"], row["error"], row["expires_at"]) == ("dead", 3, "ValueError: never", None)
        assert await shop.skus() == []


async def test_a_refusal_is_dead_at_once(migrated: Urls) -> None:
    async with job_harness(migrated, before=Fails(RuleViolated("The shop is closed."))) as shop:
        await shop.enqueue(Note(), tenant=uuid4())
        async with shop.worker():
            [row] = await shop.ended()
        assert (row["state"], row["attempts"], row["error"]) == ("dead", 1, "RuleViolated: The shop is closed.")


async def test_what_is_only_down_is_tried_until_it_is_back(migrated: Urls) -> None:
    async with job_harness(migrated, before=Fails(*(Unavailable("down") for _ in range(4)))) as shop:
        [id] = await shop.enqueue(Note(), tenant=uuid4())
        async with shop.worker():

            async def tried() -> bool:
                await shop.rows("update jobs set scheduled_at = now() where state = 'waiting'")
                return await shop.state(id) == "succeeded"

            await shop.until(tried)
        [row] = await shop.rows()
        assert row["attempts"] == 5


async def test_a_job_that_takes_too_long_is_broken_off(migrated: Urls) -> None:
    from api_base.application.common.jobs import Job

    gate = Gate()
    async with job_harness(migrated, before=gate, jobs=[Job(name="tests.note", message=Note, attempts=1, timeout=0.05)]) as shop:
        await shop.enqueue(Note(), tenant=uuid4())
        async with shop.worker():
            [row] = await shop.ended()
        assert (row["state"], row["error"]) == ("dead", "TimeoutError: ")


async def test_what_cannot_be_read_or_is_not_known_is_told(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        [unreadable, unknown] = await shop.enqueue(Note(), Note(number=2), tenant=uuid4())
        await shop.rows('update jobs set payload = \'{"number": "x"}\' where id = $1', unreadable)
        await shop.rows("update jobs set name = 'tests.gone' where id = $1", unknown)
        async with shop.worker():
            ended = {row["id"]: row for row in await shop.ended(2)}
        assert ended[unreadable]["error"].startswith("_Unreadable: The payload of the job is not a Note")
        assert (ended[unreadable]["state"], ended[unreadable]["attempts"]) == ("dead", 1)
        row = ended[unknown]  # another worker, of a later version, may declare it: it is retried
        assert row["error"] == "ProgrammingError: No context of this worker declares the job 'tests.gone'."
        assert (row["state"], row["attempts"]) == ("dead", 10)


async def test_a_job_that_ends_its_workers_is_dead_in_the_end(migrated: Urls) -> None:
    gate = Gate()
    async with job_harness(migrated, before=gate) as shop:
        await shop.enqueue(Note(), tenant=uuid4())
        async with shop.worker(grace_seconds=0):

            async def lost() -> bool:
                await shop.rows("update jobs set leased_until = now() - interval '1 second' where state = 'running'")
                return (await shop.rows())[0]["state"] == "dead"

            await shop.until(lost)
        [row] = await shop.rows()
        assert (row["lost_attempts"], row["error"]) == (5, "The worker stopped renewing its lease.")


@pytest.mark.slow
@pytest.mark.parametrize("message", [MakeItem(sku="A-1"), Note(), Orchestrate(sku="A-1")])
async def test_a_job_that_was_cancelled_meanwhile_stays_so(migrated: Urls, message: Any) -> None:
    gate = Gate()
    async with job_harness(migrated, before=gate) as shop:
        await shop.enqueue(message, tenant=uuid4())
        async with shop.worker():
            await gate.reached.wait()
            await shop.rows("update jobs set state = 'cancelled', leased_until = null, finished_at = now()")
            gate.opened.set()
        [row] = await shop.rows()
        assert (row["state"], row["result"]) == ("cancelled", None)
        if isinstance(message, MakeItem):
            assert await shop.skus() == []


async def test_a_tenant_with_many_jobs_does_not_hold_up_others(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        await shop.enqueue(*(Note(number=0) for _ in range(300)), tenant=uuid4())
        await shop.enqueue(*(Note(number=1) for _ in range(3)), tenant=uuid4())
        await shop.enqueue(*(Note(number=2) for _ in range(3)))
        async with shop.worker(concurrency=8):
            await shop.ended(306)
        order = [note.number for note in shop.carried_out]
        assert sorted(order[:20]).count(1) == 3
        assert sorted(order[:20]).count(2) == 3


@pytest.mark.slow
async def test_every_tenant_has_its_turn_where_there_are_more_of_them_than_places(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        for number in range(12):
            await shop.enqueue(*(Note(number=number) for _ in range(40)), tenant=uuid4())
        async with shop.worker(concurrency=4):
            await shop.ended(480, seconds=60)
        first = [note.number for note in shop.carried_out[:120]]
        assert set(first) == set(range(12))


async def test_within_a_tenant_the_greatest_priority_comes_first(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        house = uuid4()
        for priority in (0, 5, -5, 5):
            await shop.enqueue(Note(number=priority), tenant=house, priority=priority)
        with pytest.raises(ProgrammingError, match="from -100 to 100"):
            await shop.enqueue(Note(), tenant=house, priority=101)
        async with shop.worker(concurrency=1):
            await shop.ended(4)
        assert [note.number for note in shop.carried_out] == [5, 5, 0, -5]


async def test_a_worker_that_is_told_to_end_finishes_what_is_in_hand(migrated: Urls) -> None:
    gate = Gate()
    async with job_harness(migrated, after=gate) as shop:
        [id] = await shop.enqueue(MakeItem(sku="A-1"), tenant=uuid4())
        async with shop.worker(concurrency=1) as stop:
            await gate.reached.wait()
            [late] = await shop.enqueue(Note(), tenant=uuid4())
            stop.set()
            gate.opened.set()
        assert [await shop.state(id), await shop.state(late)] == ["succeeded", "ready"]
        async with shop.worker():
            ended = await shop.ended(2)
        assert [(job["id"], job["state"], job["attempts"]) for job in ended] == [(id, "succeeded", 1), (late, "succeeded", 1)]


async def test_what_does_not_end_within_the_grace_is_given_back(migrated: Urls) -> None:
    gate = Gate()
    async with job_harness(migrated, after=gate) as shop:
        [id] = await shop.enqueue(MakeItem(sku="A-1"), tenant=uuid4())
        async with shop.worker(grace_seconds=0.05):
            await gate.reached.wait()
        assert await shop.state(id) == "ready"
        assert await shop.skus() == []
        gate.opened.set()
        async with shop.worker():
            await shop.ended()
        assert await shop.skus() == ["A-1"]


async def test_a_job_runs_for_who_asked_and_not_for_longer_than_they_may(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        stranger = uuid4()
        token = current_context.set(RequestContext(request_id="r", principal=principal(uuid4(), stranger, "items:create")))
        [id] = await shop.services.bus.execute(Enqueue(messages=[creation("A-1")]))
        current_context.reset(token)
        async with shop.worker():
            [row] = await shop.ended()
        assert (row["id"], row["user_id"], row["state"]) == (id, stranger, "dead")
        assert row["error"].startswith("Unauthenticated: ")


@pytest.mark.slow
async def test_a_look_at_a_long_queue_goes_by_its_index_whatever_was_planned_before(migrated: Urls) -> None:
    async with job_harness(migrated) as shop:
        for _ in range(3):
            await shop.rows(
                """
                insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)
                select md5((n % 50)::text)::uuid, gen_random_uuid(), $1, 'tests.note', $2, n % 3, now(), 0, '{}', '', '', now(), 0
                from generate_series(1, 30000) n
                """,
                UUID(int=0),
                "ready",
            )
        database = Database(shop.urls.worker, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
        await database.open()
        try:
            plan = await database.pool.run(
                lambda connection: fetch_by_index(connection, f"explain (format text) {CLAIM}", UUID(int=0), 64, LEASE)
            )
        finally:
            await database.close()
        told = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in told
        assert "Sort" not in told[told.index("LockRows") :]  # of a tenant's jobs no more are looked at than are taken
        assert "ix_jobs_ready" in told[told.index("LockRows") :]

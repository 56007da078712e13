"""What carries jobs to workers, whatever it is: each is carried out, its effect is there once, and none is left behind by who ends or dies."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.core.config import Settings
from api_base.core.errors import RuleViolated, Unavailable
from api_base.infrastructure.db.embedded import Urls
from tests.application import settings_on
from tests.job_harness import TIMING, JobHarness, MakeItem, Note, Orchestrate, job_harness
from tests.rabbitmq import connected, delete


@pytest.fixture(params=["database", "rabbitmq"])
async def transport(request: pytest.FixtureRequest, migrated: Urls) -> AsyncIterator[Settings]:
    """Settings by which jobs are carried so."""
    settings = settings_on(migrated).model_copy(update={"app_name": f"test-{uuid4()}"})
    if request.param == "database":
        yield settings
        return
    url = request.getfixturevalue("amqp_url")
    yield settings.model_copy(update={"jobs": type(settings.jobs)(url=url)})
    async with connected(url) as connection:
        await delete(connection, *(f"jobs.{settings.app_name}{suffix}" for suffix in ("", ".retry", ".dead")))


@pytest.fixture
async def shop(transport: Settings, migrated: Urls) -> AsyncIterator[JobHarness]:
    async with job_harness(migrated, transport) as opened:
        yield opened


class Gate:
    """A hook that lets jobs on only when it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.calls = 0

    async def __call__(self, message: Any) -> None:
        self.calls += 1
        self.reached.set()
        await self.opened.wait()


async def test_jobs_that_wait_and_jobs_that_come_are_carried_out(shop: JobHarness) -> None:
    house = uuid4()
    await shop.enqueue(MakeItem(sku="BEFORE"), Note(number=7), Orchestrate(sku="TOO"), tenant=house)
    async with shop.worker():
        await shop.ended(3)
        await shop.enqueue(MakeItem(sku="AFTER"), tenant=house)
        rows = await shop.ended(4)
    assert {(row["state"], row["attempts"]) for row in rows} == {("succeeded", 1)}
    assert {row["result"] for row in rows} == {'"BEFORE"', "7", '"TOO"', '"AFTER"'}
    assert await shop.skus() == ["AFTER", "BEFORE", "TOO"]


async def test_several_workers_carry_each_job_out_once(shop: JobHarness) -> None:
    for number in range(4):
        await shop.enqueue(*(MakeItem(sku=f"S-{number}-{n}") for n in range(50)), tenant=uuid4())
    async with shop.worker(), shop.worker(), shop.worker():
        rows = await shop.ended(200, seconds=60)
    assert {(row["state"], row["attempts"]) for row in rows} == {("succeeded", 1)}
    assert len(await shop.skus()) == 200


async def test_more_than_is_handed_over_at_once_is_carried_out(shop: JobHarness) -> None:
    for _ in range(3):
        await shop.enqueue(*(Note() for _ in range(220)), tenant=uuid4())
    async with shop.worker():
        rows = await shop.ended(660, seconds=90)
    assert {(row["state"], row["attempts"]) for row in rows} == {("succeeded", 1)}
    assert len(shop.carried_out) == 660


async def test_no_more_at_once_than_there_are_places(transport: Settings, migrated: Urls) -> None:
    under_way = most = 0

    async def count(message: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1

    async with job_harness(migrated, transport, before=count) as shop:
        await shop.enqueue(*(Note() for _ in range(40)), tenant=uuid4())
        async with shop.worker(concurrency=3):
            await shop.ended(40)
    assert most == 3


async def test_a_tenant_with_many_jobs_does_not_hold_up_others(shop: JobHarness) -> None:
    await shop.enqueue(*(Note(number=0) for _ in range(700)), tenant=uuid4())
    await shop.enqueue(*(Note(number=1) for _ in range(3)), tenant=uuid4())
    async with shop.worker(concurrency=8):
        await shop.ended(703, seconds=60)
    assert sum(note.number for note in shop.carried_out[:520]) == 3


async def test_a_delayed_job_waits_for_its_time(shop: JobHarness) -> None:
    [later] = await shop.enqueue(Note(number=1), tenant=uuid4(), delay=timedelta(hours=1))
    await shop.enqueue(Note(number=2), tenant=uuid4())
    async with shop.worker():
        await shop.ended(1)
        assert await shop.state(later) == "waiting"
        await shop.rows("update jobs set scheduled_at = now() where id = $1", later)
        await shop.ended(2)


async def test_what_failed_is_carried_again_until_it_is_done_or_dead(transport: Settings, migrated: Urls) -> None:
    errors: dict[int, list[Exception]] = {
        1: [Unavailable("down"), ValueError("no")],
        2: [RuleViolated("closed")],
        3: [ValueError("no")] * 3,
    }

    async def fail(message: Note) -> None:
        if errors[message.number]:
            raise errors[message.number].pop(0)

    async with job_harness(migrated, transport, before=fail) as shop:
        await shop.enqueue(*(Note(number=number) for number in errors), tenant=uuid4())
        async with shop.worker():
            rows = await shop.ended(3)
    ends = {row["payload"]: (row["state"], row["attempts"]) for row in rows}
    assert ends == {'{"number": 1}': ("succeeded", 3), '{"number": 2}': ("dead", 1), '{"number": 3}': ("dead", 3)}


async def test_a_dead_job_that_is_to_be_tried_again_is_carried_again(transport: Settings, migrated: Urls) -> None:
    refusals = [RuleViolated("closed")]

    async def refuse_once(message: Note) -> None:
        if refusals:
            raise refusals.pop()

    async with job_harness(migrated, transport, before=refuse_once) as shop:
        [id] = await shop.enqueue(Note(), tenant=uuid4())
        async with shop.worker():
            await shop.ended()
            await shop.rows("update jobs set state = 'ready', finished_at = null, error = null where id = $1", id)
            [row] = await shop.ended()
        assert (row["state"], row["attempts"]) == ("succeeded", 2)


async def test_a_job_that_was_cancelled_before_its_turn_is_not_begun(shop: JobHarness) -> None:
    [id, other] = await shop.enqueue(Note(number=1), Note(number=2), tenant=uuid4())
    await shop.rows("update jobs set state = 'cancelled', finished_at = now() where id = $1", id)
    async with shop.worker():
        await shop.ended(2)
    assert [note.number for note in shop.carried_out] == [2]
    assert [await shop.state(one) for one in (id, other)] == ["cancelled", "succeeded"]


async def test_a_worker_that_ends_finishes_what_it_has_begun(transport: Settings, migrated: Urls) -> None:
    gate = Gate()
    async with job_harness(migrated, transport, after=gate) as shop:
        [id] = await shop.enqueue(MakeItem(sku="A-1"), tenant=uuid4())
        async with shop.worker() as stop:
            await gate.reached.wait()
            stop.set()
            gate.opened.set()
        assert await shop.state(id) == "succeeded"
        assert await shop.skus() == ["A-1"]


async def test_what_does_not_end_in_time_is_given_back_and_carried_to_another_worker(transport: Settings, migrated: Urls) -> None:
    gate = Gate()
    async with job_harness(migrated, transport, after=gate) as shop:
        ids = await shop.enqueue(*(MakeItem(sku=f"A-{n}") for n in range(10)), tenant=uuid4())
        async with shop.worker(grace_seconds=0.05, concurrency=4):
            await shop.until(lambda: reached(gate, 4))
        assert {await shop.state(id) for id in ids} == {"ready"}
        gate.opened.set()
        async with shop.worker():
            await shop.ended(10)
        assert len(await shop.skus()) == 10


async def test_a_job_whose_worker_is_gone_is_carried_to_another(transport: Settings, migrated: Urls) -> None:
    gate = Gate()
    async with job_harness(migrated, transport, after=gate) as gone, job_harness(migrated, transport) as shop:
        [id] = await gone.enqueue(MakeItem(sku="A-1"), tenant=uuid4())
        async with gone.worker(timing=replace(TIMING, renewal_interval=60.0), grace_seconds=60) as stop:
            await gate.reached.wait()
            stop.set()  # it finishes the job, claims no other, and does not notice that it lost this one
            async with shop.worker():
                await shop.lose()
                await shop.ended()
            gate.opened.set()
        [row] = await shop.rows()
        assert (row["id"], row["state"], row["attempts"], row["lost_attempts"]) == (id, "succeeded", 2, 1)
        assert await shop.skus() == ["A-1"]


@pytest.mark.slow
async def test_workers_that_come_and_go_leave_nothing_undone(shop: JobHarness) -> None:
    """However often jobs are begun and given back, each has its effect once."""
    ids: list[UUID] = []
    for number in range(10):
        ids += await shop.enqueue(*(MakeItem(sku=f"S-{number}-{n}") for n in range(20)), tenant=uuid4())
        async with shop.worker(grace_seconds=0):
            await shop.until(lambda: some_are_done(shop))
    async with shop.worker():
        rows = await shop.ended(200, seconds=60)
    assert {row["state"] for row in rows} == {"succeeded"}
    assert {row["id"] for row in rows} == set(ids)
    assert len(await shop.skus()) == 200


async def reached(gate: Gate, calls: int) -> bool:
    return gate.calls >= calls


async def some_are_done(shop: JobHarness) -> bool:
    [row] = await shop.rows("select count(*) filter (where state = 'succeeded') > 5 as some from jobs")
    return bool(row["some"])

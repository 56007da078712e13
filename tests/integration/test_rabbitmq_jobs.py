"""What RabbitMQ alone promises of jobs, and what it may do without one being lost: be killed, cut off, wiped, or told nonsense."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import aio_pika
import pytest

from api_base.application.common.jobs import Outcome
from api_base.core.config import Settings
from api_base.core.errors import Unavailable
from api_base.core.protocols import ClaimedJob, JobState
from api_base.core.types import UserId
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.rabbitmq.connection import RabbitMqConnection
from api_base.infrastructure.tasks.backend import JobRef, JobTransport
from api_base.infrastructure.tasks.dispatcher import WINDOW, JobDispatcher
from api_base.infrastructure.tasks.executor import JobExecutor
from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
from api_base.infrastructure.tasks.rabbitmq_worker import RabbitMqJobWorker
from tests.application import settings_on
from tests.job_harness import JobHarness, MakeItem, Note, job_harness
from tests.rabbitmq import by_way_of, connected, delete, new_name, policy, until
from tests.services import Killable, Toxiproxy

RETRY_DELAY = 0.5
"""Seconds that a message waits in the retry queue: the default is 5."""


@asynccontextmanager
async def queue_at(url: str, *, delivery_limit: int = 20) -> AsyncIterator[RabbitMqJobQueue]:
    """A queue of jobs, with its retry and dead-letter queues, deleted at the end of the block."""
    async with connected(url) as connection:
        queue = RabbitMqJobQueue(connection, new_name(), policy(), delivery_limit=delivery_limit, retry_delay=RETRY_DELAY)
        await queue.depth()
        yield queue
        await delete(connection, queue.name, queue.retry_name, queue.dead_name)


@asynccontextmanager
async def carrying(urls: Urls, url: str, name: str | None = None) -> AsyncIterator[JobHarness]:
    """Jobs that go by way of the broker at `url`, which is tried again soon after it failed."""
    settings = settings_on(urls, jobs={"url": url}, resilience={"open_seconds": 1.0}).model_copy(update={"app_name": name or new_name()})
    async with job_harness(urls, settings) as shop:
        yield shop
    async with connected(url) as connection:
        await delete(connection, *queues_of(settings))


def queues_of(settings: Settings) -> list[str]:
    return [f"jobs.{settings.app_name}{suffix}" for suffix in ("", ".retry", ".dead")]


@asynccontextmanager
async def worker_pool(urls: Urls) -> AsyncIterator[Database]:
    database = Database(urls.worker, PoolOptions(size=3, acquire_timeout=10, statement_timeout=20))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def named(count: int) -> list[JobRef]:
    return [JobRef(uuid4(), uuid4()) for _ in range(count)]


@dataclass
class Ledger:
    """Jobs without a database: what can be claimed, and what was. The first `away` claims find it gone."""

    jobs: set[UUID]
    away: int = 0
    claimed: list[UUID] = field(default_factory=list)
    settled: list[UUID] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)

    async def claim_one(self, tenant: UUID, id: UUID) -> ClaimedJob | None:
        if self.away:
            self.away -= 1
            raise Unavailable("The database is away.")
        if id not in self.jobs:
            return None
        self.jobs.discard(id)
        self.claimed.append(id)
        return ClaimedJob(
            id=id,
            tenant_id=None,
            user_id=UserId(UUID(int=0)),
            name="x",
            attempt=1,
            failures=0,
            request_id="",
            traceparent="",
            payload=b"{}",
        )

    async def settle(self, outcomes: Sequence[tuple[ClaimedJob, Outcome]]) -> None:
        self.settled += [job.id for job, _ in outcomes]

    async def renew(self, jobs: Sequence[ClaimedJob]) -> set[UUID]:
        return {job.id for job in jobs}

    async def release(self, jobs: Sequence[ClaimedJob]) -> None:
        self.released += [job.id for job in jobs]
        self.jobs |= {job.id for job in jobs}


@asynccontextmanager
async def working(
    queue: RabbitMqJobQueue, ledger: Ledger, url: str, opened: asyncio.Event | None = None
) -> AsyncIterator[RabbitMqJobWorker]:
    """A worker on `ledger`, whose jobs go on when `opened` is."""

    async def run(job: ClaimedJob) -> Outcome:
        if opened is not None:
            await opened.wait()
        return Outcome(state=JobState.SUCCEEDED)

    connection = RabbitMqConnection(url, "tests")
    own = RabbitMqJobQueue(connection, queue.name.removeprefix("jobs."), policy(), retry_delay=RETRY_DELAY)
    worker = RabbitMqJobWorker(connection, own, ledger, JobExecutor(ledger, run, 4, 0.05), 4)
    await worker.run()
    try:
        yield worker
    finally:
        await worker.end()


async def depth_of(connection: RabbitMqConnection, name: str) -> int:
    channel = await connection.channel()
    declared = await channel.declare_queue(name, passive=True)
    await channel.close()
    return declared.declaration_result.message_count or 0


async def until_depth(url: str, name: str, depth: int) -> None:
    async with connected(url) as connection, asyncio.timeout(30):
        while await depth_of(connection, name) != depth:
            await asyncio.sleep(0.02)


async def test_what_was_confirmed_is_in_the_queue(amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue:
        assert await queue.publish(named(50)) == []
        await until_depth(amqp_url, queue.name, 50)


async def test_what_no_queue_takes_is_told_and_the_next_finds_it_made_again(amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue, connected(amqp_url) as other:
        await delete(other, queue.name)
        with pytest.raises(Unavailable, match="no queue"):
            await queue.publish(named(3))
        assert await queue.publish(named(3)) == []


async def test_a_message_that_names_no_job_goes_to_the_dead_letters_and_stops_nobody(amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue, connected(amqp_url) as other:
        channel = await other.channel()
        for body in (b"nonsense", b"{}", b'{"tenant":"x","id":"y"}'):
            await channel.default_exchange.publish(aio_pika.Message(body), queue.name)
        [job] = named(1)
        await queue.publish([job])
        ledger = Ledger({job.id})
        async with working(queue, ledger, amqp_url):
            await until(lambda: ledger.settled == [job.id], "the job done")
            await until_depth(amqp_url, queue.dead_name, 3)
        await until_depth(amqp_url, queue.name, 0)


async def test_a_message_that_ends_its_worker_too_often_goes_to_the_dead_letters(amqp_url: str) -> None:
    async with queue_at(amqp_url, delivery_limit=2) as queue:
        await queue.publish(named(1))
        for _ in range(3):
            taken = asyncio.Event()

            async def take(message: object, taken: asyncio.Event = taken) -> None:
                taken.set()

            async with connected(amqp_url) as doomed:
                await (await (await doomed.channel()).get_queue(queue.name, ensure=False)).consume(take)
                async with asyncio.timeout(30):
                    await taken.wait()
        await until_depth(amqp_url, queue.dead_name, 1)
        assert await queue.depth() == 0


async def test_a_job_whose_database_is_away_comes_back_in_some_seconds(amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue:
        [job] = named(1)
        await queue.publish([job])
        ledger = Ledger({job.id}, away=1)
        async with working(queue, ledger, amqp_url):
            await until(lambda: ledger.away == 0, "a claim that failed")
            await until_depth(amqp_url, queue.retry_name, 1)
            assert ledger.claimed == []
            await until(lambda: ledger.settled == [job.id], "the job done")


async def test_a_message_told_twice_is_one_job(amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue:
        [job] = named(1)
        await queue.publish([job] * 5)
        ledger = Ledger({job.id})
        async with working(queue, ledger, amqp_url):
            await until(lambda: ledger.settled == [job.id], "the job done")
            await until_depth(amqp_url, queue.name, 0)
        assert ledger.claimed == [job.id]


async def test_a_worker_that_ends_leaves_its_messages_to_others(amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue:
        jobs = named(10)
        await queue.publish(jobs)
        ledger = Ledger({job.id for job in jobs})
        async with working(queue, ledger, amqp_url, asyncio.Event()):
            await until(lambda: len(ledger.claimed) == 4, "as many begun as there are places")
        assert sorted(ledger.released) == sorted(ledger.claimed)
        await until_depth(amqp_url, queue.name, 10)
        async with working(queue, ledger, amqp_url):
            await until(lambda: len(ledger.settled) == 10, "all jobs done")
        assert set(ledger.settled) == {job.id for job in jobs}


async def test_jobs_that_wait_for_the_broker_wait_in_the_database(migrated: Urls, toxiproxy: Toxiproxy, amqp_url: str) -> None:
    with toxiproxy.to(amqp_url.rpartition("@")[2].strip("/")) as way:
        async with carrying(migrated, by_way_of(amqp_url, way.host, way.port)) as shop:
            async with shop.worker():
                for number in range(5):
                    way.cut()
                    await shop.enqueue(*(MakeItem(sku=f"S-{number}-{n}") for n in range(20)), tenant=uuid4())
                    way.mend()
                    await shop.until(lambda number=number: done(shop, 10 * (number + 1)))
                rows = await shop.ended(100, seconds=60)
            assert {row["state"] for row in rows} == {"succeeded"}
            assert len(await shop.skus()) == 100


@pytest.mark.slow
async def test_a_killed_broker_loses_no_job_and_doubles_no_effect(migrated: Urls, killable_rabbitmq: Killable) -> None:
    """Killed in the middle of it, again and again, while jobs come and are carried out by two workers."""
    broker, name = killable_rabbitmq, new_name()
    async with connected(broker.url) as connection:
        await RabbitMqJobQueue(connection, name, policy()).depth()
    # RabbitMQ 3.10 writes down only some seconds later that a quorum queue exists; a proper end writes it at once
    await asyncio.to_thread(broker.stop)
    await asyncio.to_thread(broker.start)
    async with carrying(migrated, broker.url, name) as shop:
        async with shop.worker(concurrency=8), shop.worker(concurrency=8):
            ids = []
            for kill in range(2):
                for n in range(15):
                    ids += await shop.enqueue(*(MakeItem(sku=f"S-{kill}-{n}-{m}") for m in range(10)), tenant=uuid4())
                await shop.until(lambda kill=kill: done(shop, 150 * kill + 20))
                assert len(await shop.rows("select 1 from jobs where state in ('ready', 'running')")) > 0  # killed with jobs on their way
                await asyncio.to_thread(broker.kill)
                ids += await shop.enqueue(MakeItem(sku=f"WHILE-DOWN-{kill}"), tenant=uuid4())
                await asyncio.to_thread(broker.start)
            rows = await shop.ended(302, seconds=120)
        assert {row["id"] for row in rows} == set(ids)
        assert {row["state"] for row in rows} == {"succeeded"}
        assert len(ids) == len(await shop.skus()) == 302  # whose effect is a row that could not be there twice


async def test_a_wiped_broker_loses_no_job(migrated: Urls, amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue, job_harness(migrated) as shop, worker_pool(migrated) as database:
        await shop.enqueue(*(Note() for _ in range(20)), tenant=uuid4())
        dispatcher = JobDispatcher(database.pool, queue, overdue=0.0)
        assert await dispatcher.run()
        assert await queue.depth() == 20
        await dispatcher.run()
        assert await queue.depth() == 20  # as long as they are there, they are not lost
        async with connected(amqp_url) as other:
            await (await (await other.channel()).get_queue(queue.name, ensure=False)).purge()
        await until_depth(amqp_url, queue.name, 0)
        await dispatcher.run()
        assert await queue.depth() == 20


async def test_what_could_not_be_handed_over_is_handed_over_later(migrated: Urls, amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue, job_harness(migrated) as shop, worker_pool(migrated) as database:
        await shop.enqueue(*(Note() for _ in range(5)), tenant=uuid4())
        async with connected(amqp_url) as other:
            closed = ClosedOnce(queue, other)
            dispatcher = JobDispatcher(database.pool, closed)
            with pytest.raises(Unavailable):
                await dispatcher.run()
            assert await dispatcher.run()
            assert await queue.depth() == 5
            assert not await dispatcher.run()


async def test_no_more_wait_in_the_broker_than_keep_their_order(migrated: Urls, amqp_url: str) -> None:
    async with queue_at(amqp_url) as queue, job_harness(migrated) as shop, worker_pool(migrated) as database:
        for _ in range(2):
            await shop.enqueue(*(Note() for _ in range(WINDOW)), tenant=uuid4())
        dispatcher = JobDispatcher(database.pool, queue)
        for _ in range(3):
            assert await dispatcher.run()
        assert await queue.depth() == WINDOW
        handed = await shop.rows("select tenant_id, count(*) from jobs where dispatched_attempt is not null group by tenant_id")
        assert [row["count"] for row in handed] == [WINDOW // 2, WINDOW // 2]


@dataclass
class ClosedOnce(JobTransport):
    """A queue that is gone between the look at it and the first use."""

    queue: RabbitMqJobQueue
    other: RabbitMqConnection
    gone: bool = False

    async def depth(self) -> int:
        return await self.queue.depth()

    async def publish(self, jobs: Sequence[JobRef]) -> list[JobRef]:
        if not self.gone:
            self.gone = True
            await delete(self.other, self.queue.name)
        return await self.queue.publish(jobs)


async def done(shop: JobHarness, count: int) -> bool:
    [row] = await shop.rows("select count(*) from jobs where state = 'succeeded'")
    return bool(row["count"] >= count)

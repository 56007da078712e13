"""Durable subscriptions that read from Kafka: each effect once and in order for each aggregate, whoever dies, leaves or comes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.common.events import EventDelivery
from api_base.core.errors import RuleViolated, Unavailable
from api_base.core.protocols import DeferredDeliveries, StoredEvent
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.admin import EventAdmin
from api_base.infrastructure.events.consumer import MAX_ATTEMPTS, DatabaseDeferredDeliveries, DeliveryConsumer
from api_base.infrastructure.events.relay import Relay
from api_base.infrastructure.kafka.connection import KafkaConnection
from api_base.infrastructure.kafka.consumer import KafkaDeliveryConsumer
from api_base.infrastructure.kafka.producer import KafkaEventPublisher
from tests.factories.items import item
from tests.integration.event_harness import CHANGED, JOURNAL, EventHarness, Told, decode, house
from tests.kafka import PATIENCE, POLL_TIMEOUT, namespace, policy
from tests.services import Killable

pytestmark = pytest.mark.slow  # a broker of its own starts, and is killed


@dataclass
class World:
    """A house whose events go by way of Kafka to one subscription, which writes a copy of each: its visible effect.

    `handled` is what handlers were called with, `refuse` is asked before an effect.
    """

    house: EventHarness
    connection: KafkaConnection
    publisher: KafkaEventPublisher
    tenant: UUID = field(default_factory=uuid4)
    handled: list[UUID] = field(default_factory=list)
    refuse: Callable[[Told], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.subscription = DurableSubscription(name="test.copy", event=CHANGED, payload=Told, handle=self._copy)
        self.delivery = EventDelivery(self.house.transactions, decode, self.house.versions)
        self.deferred: DeferredDeliveries = DatabaseDeferredDeliveries(self.house.worker.pool)

    async def _copy(self, told: Told) -> None:
        self.handled.append(told.aggregate_id)
        if self.refuse is not None:
            await self.refuse(told)
        await self.house.store.items.create(item(tenant_id=told.tenant_id, name=f"copy of {told.aggregate_id}", sku=f"COPY-{uuid4()}"))

    def reader(self) -> KafkaDeliveryConsumer:
        return KafkaDeliveryConsumer(
            self.connection, policy(), self.subscription, self.delivery, self.deferred, poll_timeout=POLL_TIMEOUT, retry_delay=0.1
        )

    async def change(self, ids: Collection[UUID], times: int) -> None:
        for n in range(times):
            for id in ids:
                await self.house.rename(self.tenant, id, f"name {n}")

    async def relay(self) -> None:
        while await Relay(self.house.worker.pool, self.publisher, JOURNAL, self.house.versions).run():
            pass

    async def effects(self) -> list[int]:
        """How many copies there are of each aggregate that has any."""
        rows = await self.house.query("select name, count(*) as copies from items where name like 'copy of %' group by name")
        return sorted(row["copies"] for row in rows)

    async def order(self) -> dict[UUID, list[int]]:
        """The versions whose effects were committed, in the order in which they were."""
        rows = await self.house.query(
            "select o.aggregate_id, o.aggregate_version from inbox i join outbox o on o.id = i.event_id order by i.at, o.sequence"
        )
        found = defaultdict(list)
        for row in rows:
            found[row["aggregate_id"]].append(row["aggregate_version"])
        return found

    async def until(self, effects: list[int]) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.effects() != effects:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def world(urls: Urls, kafka_url: str) -> AsyncIterator[World]:
    connection = namespace(kafka_url)
    publisher = KafkaEventPublisher(connection, policy(timeout=2.0), "test")
    async with house(urls) as made:
        yield World(made, connection, publisher)
        await publisher.close()


@asynccontextmanager
async def working(*runs: Any) -> AsyncIterator[None]:
    """Each again and again, as the worker does; whoever can be closed is, after its last round."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(_again(one, stop)) for one in runs]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _again(one: Any, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            more = await one.run()
        except Unavailable:
            more = False
        if not more:
            await asyncio.sleep(0.05)
    if hasattr(one, "close"):
        await one.close()


async def test_each_event_has_its_effect_once_and_in_order(migrated: Urls, kafka_url: str) -> None:
    async with world(migrated, kafka_url) as made:
        ids = [await made.house.create(made.tenant) for _ in range(6)]
        await made.change(ids, 5)
        await made.relay()
        async with working(made.reader()):
            await made.until([5] * 6)
        await made.relay()
        assert await made.effects() == [5] * 6
        assert len(made.handled) == 30
        assert set(map(tuple, (await made.order()).values())) == {(2, 3, 4, 5, 6)}


async def test_one_that_takes_long_holds_up_nobody_else(migrated: Urls, kafka_url: str) -> None:
    """Twelve aggregates on three partitions: some share one with the slow one."""
    async with world(migrated, kafka_url) as made:
        ids = [await made.house.create(made.tenant) for _ in range(12)]
        await made.change(ids, 1)
        await made.relay()
        others_are_done = asyncio.Event()

        async def slowly(told: Told) -> None:
            if told.aggregate_id == ids[0]:
                await others_are_done.wait()

        made.refuse = slowly
        async with working(made.reader()):
            await made.until([1] * 11)
            others_are_done.set()
            await made.until([1] * 12)


async def test_who_leaves_has_committed_and_who_comes_begins_there(migrated: Urls, kafka_url: str) -> None:
    """At once: nobody waits for the session of one that has left to run out."""
    async with world(migrated, kafka_url) as made:
        ids = [await made.house.create(made.tenant) for _ in range(3)]
        for round_ in range(1, 4):
            await made.change(ids, 2)
            await made.relay()
            async with asyncio.timeout(9), working(made.reader()):
                await made.until([2 * round_] * 3)
        assert len(made.handled) == 18


async def test_a_rebalance_in_mid_batch_doubles_no_effect(migrated: Urls, kafka_url: str) -> None:
    async with world(migrated, kafka_url) as made:
        ids = [await made.house.create(made.tenant) for _ in range(12)]
        await made.change(ids, 10)
        await made.relay()
        reached, reader, second = asyncio.Event(), made.reader(), made.reader()

        async def slowly(told: Told) -> None:
            if len(made.handled) == 7:
                reached.set()
            await asyncio.sleep(0.01)

        made.refuse = slowly
        async with working(reader):
            await reached.wait()
            async with working(second):
                await made.until([10] * 12)
        async with working(made.reader()):  # what nobody has committed is told again, to no effect
            await made.change(ids[:1], 1)
            await made.relay()
            await made.until([*[10] * 11, 11])
        assert await made.effects() == [*[10] * 11, 11]
        assert len(made.handled) == 121  # given back before, not handled and thrown away
        assert all(versions == sorted(versions) for versions in (await made.order()).values())


async def test_a_broker_killed_in_mid_batch_loses_and_doubles_nothing(migrated: Urls, killable_kafka: Killable) -> None:
    """Writers, a relay and two readers go on meanwhile."""
    async with world(migrated, killable_kafka.url) as made:
        ids = [await made.house.create(made.tenant) for _ in range(10)]
        await made.change(ids, 5)
        async with working(Relay(made.house.worker.pool, made.publisher, JOURNAL, made.house.versions), made.reader(), made.reader()):
            async with asyncio.timeout(PATIENCE):
                while len(made.handled) < 10:
                    await asyncio.sleep(0.005)
            await asyncio.to_thread(killable_kafka.kill)
            await made.change(ids, 5)
            await asyncio.to_thread(killable_kafka.start)
            await made.change(ids, 5)
            await made.until([15] * 10)
        assert await made.effects() == [15] * 10
        assert set(map(tuple, (await made.order()).values())) == {tuple(range(2, 17))}


async def test_a_worker_ends_while_the_broker_is_away(migrated: Urls, killable_kafka: Killable) -> None:
    """With events on their way and a group that cannot be told: what was not written is told again by the next."""
    async with world(migrated, killable_kafka.url) as made:
        id = await made.house.create(made.tenant)
        relay = Relay(made.house.worker.pool, made.publisher, JOURNAL, made.house.versions)
        ends = asyncio.timeout(None)
        async with ends, working(relay, made.reader()):
            await made.change([id], 1)
            await made.until([1])
            await asyncio.to_thread(killable_kafka.kill)
            for n in range(3):
                await made.house.rename(made.tenant, id, f"later {n}")
            ends.reschedule(asyncio.get_running_loop().time() + 30)
        await made.publisher.close()
        await asyncio.to_thread(killable_kafka.start)
        async with working(relay, made.reader()):
            await made.until([4])
        assert (await made.order())[id] == [2, 3, 4, 5]


async def test_what_a_handler_refuses_waits_in_the_database_and_holds_up_its_aggregate_alone(migrated: Urls, kafka_url: str) -> None:
    async with world(migrated, kafka_url) as made:
        bad, good = [await made.house.create(made.tenant) for _ in range(2)]

        async def refuse(told: Told) -> None:
            if told.aggregate_id == bad:
                raise RuleViolated("not today")

        made.refuse = refuse
        await made.change([bad, good], 4)
        await made.relay()
        async with working(made.reader()):
            await made.until([4])
            async with asyncio.timeout(PATIENCE):
                while len(await made.house.query("select from deliveries")) < 4:
                    await asyncio.sleep(0.05)
            again = DeliveryConsumer(made.house.worker.pool, made.subscription, made.delivery)
            for _ in range(MAX_ATTEMPTS):
                await again.run()
                await made.house.query("update deliveries set next_attempt_at = now() where attempts > 0")
            log = EventAdmin(made.house.worker.pool)
            (dead,) = await log.dead(10)
            assert (dead.subscription, dead.aggregate_id, dead.behind) == ("test.copy", bad, 3)
            made.refuse = None
            assert await log.revive(subscription=None, event_id=dead.event_id) == 1
            await made.change([bad], 1)  # comes by Kafka, and queues behind
            await made.relay()
            async with working(again):
                await made.until([4, 5])
        assert (await made.order())[bad] == [2, 3, 4, 5, 6]


async def test_where_nothing_can_be_deferred_the_partition_waits_and_is_read_again(migrated: Urls, kafka_url: str) -> None:
    """The database is away: the handler fails, and so does what would keep its failure."""

    class Away(DeferredDeliveries):
        def __init__(self, then: DeferredDeliveries) -> None:
            self.times, self.then = 2, then

        async def waiting(self, subscription: str, aggregates: Collection[UUID]) -> set[UUID]:
            return await self.then.waiting(subscription, aggregates)

        async def add(self, subscription: str, event: StoredEvent) -> None:
            self.times -= 1
            raise Unavailable("the database is away")

    async with world(migrated, kafka_url) as made:
        away = Away(made.deferred)

        async def refuse(told: Told) -> None:
            if away.times:
                raise Unavailable("the database is away")

        made.refuse, made.deferred = refuse, away
        id = await made.house.create(made.tenant)
        await made.change([id], 5)
        await made.relay()
        async with working(made.reader()):
            await made.until([5])
        assert away.times == 0
        assert (await made.order())[id] == [2, 3, 4, 5, 6]


async def test_what_is_no_event_of_ours_is_passed_over(migrated: Urls, kafka_url: str) -> None:
    from aiokafka import AIOKafkaProducer

    async with world(migrated, kafka_url) as made:
        id = await made.house.create(made.tenant)
        async with AIOKafkaProducer(**made.connection.options()) as stranger:
            await stranger.send_and_wait(made.connection.qualified("items"), b"hello", key=str(id).encode())
        await made.change([id], 1)
        await made.relay()
        async with working(made.reader()):
            await made.until([1])

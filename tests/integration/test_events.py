"""From the commit to each durable subscriber: in order for each aggregate, with its effect exactly once, whatever fails."""

import asyncio
from uuid import UUID, uuid4

import pytest

from api_base.application.common.events import EventDelivery
from api_base.core.errors import EventRefused, RuleViolated, StaleVersion
from api_base.core.protocols import Isolation, StoredEvent
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.consumer import MAX_ATTEMPTS, DeliveryConsumer
from api_base.infrastructure.events.relay import RELAY, Relay
from tests.factories.items import NOW, item
from tests.integration.event_harness import CHANGED, CREATED, JOURNAL, EventHarness, Told, decode, house
from tests.support import act_for


async def test_an_event_is_stored_with_its_change_or_not_at_all(migrated: Urls) -> None:
    tenant = uuid4()
    async with house(migrated) as made:
        id = await made.create(tenant)
        (row,) = await made.query("select * from outbox")
        assert (row["name"], row["aggregate_id"], row["tenant_id"], row["aggregate_version"]) == (CREATED, id, tenant, 1)
        act_for(tenant)
        try:
            async with made.store.begin(Isolation.SERIALIZABLE):
                await made.store.items.create(item(tenant_id=tenant, sku="other"))
                raise RuleViolated("on purpose")
        except RuleViolated:
            pass
        assert len(await made.query("select from outbox")) == 1


@pytest.mark.parametrize("isolation", [Isolation.OPTIMISTIC, Isolation.SERIALIZABLE])
async def test_events_of_one_change_keep_their_order(migrated: Urls, isolation: Isolation) -> None:
    """Whether the change goes as one statement or in a transaction of several."""
    tenant = uuid4()
    async with house(migrated) as made:
        id = await made.create(tenant)
        act_for(tenant)
        found = await made.store.items.get(id)
        assert found is not None
        found.change(NOW, name="Stool")
        found.publish(NOW)
        async with made.store.begin(isolation):
            await made.store.items.update(found)
        rows = await made.query("select name from outbox where aggregate_version = 2 order by sequence")
        assert [row["name"] for row in rows] == [CHANGED, "items.status_changed.v1"]


async def test_each_subscriber_is_told_once_and_a_failing_one_holds_up_nobody(migrated: Urls) -> None:
    heard: list[UUID] = []

    async def hear(told: Told) -> None:
        heard.append(told.aggregate_id)

    async def fail(told: Told) -> None:
        raise RuleViolated("not today")

    async with house(migrated) as made:
        good, bad = made.subscribe("a.hear", CREATED, hear), made.subscribe("b.fail", CREATED, fail)
        ids = [await made.create(uuid4()) for _ in range(30)]
        await made.relay()
        await made.relay()
        await bad.run()
        await good.run()
        await good.run()
        assert sorted(heard) == sorted(ids)
        left = await made.query("select subscription, attempts, error from deliveries")
        assert {tuple(row) for row in left} == {("b.fail", 1, "RuleViolated: not today")}
        assert len(left) == 30


async def test_events_of_an_aggregate_come_in_the_order_of_its_versions(migrated: Urls) -> None:
    """While five writers race for the same few items, relays and consumers run beside them."""
    tenant = uuid4()
    async with house(migrated) as made:

        async def hear(told: Told) -> None:
            await asyncio.sleep(0)

        order: dict[UUID, list[int]] = {}

        class Recording(EventDelivery):
            async def handle(self, subscription: DurableSubscription, event: StoredEvent) -> None:
                order.setdefault(event.aggregate_id, []).append(event.aggregate_version)
                await super().handle(subscription, event)

        subscription = DurableSubscription(name="a.hear", event=CHANGED, payload=Told, handle=hear)
        made.subscribers.add([subscription])
        consumers = [
            DeliveryConsumer(made.worker.pool, subscription, Recording(made.transactions, decode, made.versions)) for _ in range(2)
        ]
        ids = [await made.create(tenant) for _ in range(4)]
        writing = asyncio.gather(*(write(made, tenant, ids, n) for n in range(5)))
        while not writing.done():
            await asyncio.gather(made.relay(), made.relay(), *(consumer.run() for consumer in consumers))
        saved = sum(await writing)
        await made.relay()
        while any([await consumer.run() for consumer in consumers]):
            pass
        for consumer in consumers:
            await consumer.run()
        assert sum(map(len, order.values())) == saved
        assert all(versions == sorted(set(versions)) for versions in order.values())
        assert saved > 20


async def write(made: EventHarness, tenant: UUID, ids: list[UUID], writer: int) -> int:
    saved = 0
    for turn in range(20):
        try:
            await made.rename(tenant, ids[(turn + writer) % len(ids)], f"name {writer} {turn}")
        except StaleVersion:
            continue
        saved += 1
    return saved


async def test_an_effect_happens_once_however_often_it_is_delivered(migrated: Urls) -> None:
    """A worker that dies between its effect and its bookkeeping tells the event again: the inbox refuses the second effect."""
    tenant = uuid4()
    async with house(migrated) as made:

        async def copy(told: Told) -> None:
            await made.store.items.create(item(tenant_id=told.tenant_id, name="copy", sku=f"COPY-{uuid4()}"))

        consumer = made.subscribe("a.copy", CREATED, copy)
        await made.create(tenant)
        await made.relay()
        before = await made.query("select * from deliveries")
        await consumer.run()
        (kept,) = before
        await made.query(
            "insert into deliveries values ($1, $2, $3, $4, $5, $6, 0, now(), false, null)",
            *(kept[name] for name in ("subscription", "sequence", "event_at", "event_id", "shard", "aggregate_id")),
        )
        await consumer.run()
        assert await made.query("select from deliveries where event_id = $1", kept["event_id"]) == []
        assert len(await made.query("select from items where name = 'copy'")) == 1
        copies = await made.query("select actor_id from audit where action = 'item.created'")
        assert len(copies) == 2


async def test_a_poison_event_stops_its_aggregate_alone_and_is_dead_in_the_end(migrated: Urls) -> None:
    tenant = uuid4()
    heard: list[UUID] = []
    poisoned: set[UUID] = set()

    async def hear(told: Told) -> None:
        if told.aggregate_id in poisoned:
            raise RuleViolated("poison")
        heard.append(told.aggregate_id)

    async with house(migrated) as made:
        consumer = made.subscribe("a.hear", CHANGED, hear)
        bad, good = await made.create(tenant), await made.create(tenant)
        poisoned.add(bad)
        for id in (bad, good, bad, good):
            await made.rename(tenant, id, f"name {uuid4()}")
        await made.relay()
        for _ in range(MAX_ATTEMPTS):
            await consumer.run()
            await made.query("update deliveries set next_attempt_at = now() where attempts > 0")
        assert heard == [good, good]
        left = await made.query("select attempts, dead from deliveries order by sequence")
        assert [tuple(row) for row in left] == [(MAX_ATTEMPTS, True), (0, False)]


async def test_what_cannot_be_published_stops_its_aggregate_alone(migrated: Urls) -> None:
    tenant = uuid4()
    published: list[UUID] = []

    class Picky:
        async def publish(self, events: list[StoredEvent]) -> None:
            for event in events:
                if event.aggregate_id == refused:
                    raise EventRefused(event.id, "too large")
            published.extend(event.aggregate_id for event in events)

    async with house(migrated) as made:
        refused, other = await made.create(tenant), await made.create(tenant)
        await made.rename(tenant, refused, "again")
        relay = Relay(made.worker.pool, Picky(), JOURNAL, made.versions)
        await relay.run()
        await relay.run()
        assert published == [other]
        (dead,) = await made.query("select subscription, dead, aggregate_id from deliveries")
        assert tuple(dead) == (RELAY, True, refused)
        assert len(await made.query("select from outbox where not published")) == 2


async def test_an_event_that_was_not_published_stays_so_beside_one_of_the_same_moment(migrated: Urls) -> None:
    """Two changes of one transaction have one time; their aggregates may be held up apart."""
    tenant = uuid4()
    async with house(migrated) as made:
        held, free = await made.create(tenant), await made.create(tenant)
        await made.query("update outbox set at = (select min(at) from outbox)")
        await made.query(
            "insert into deliveries (subscription, sequence, event_at, event_id, shard, aggregate_id, attempts, next_attempt_at, dead) "
            "select $1, sequence, at, id, shard, aggregate_id, 1, now(), true from outbox where aggregate_id = $2",
            RELAY,
            held,
        )
        await made.relay()
        rows = await made.query("select aggregate_id, published from outbox")
        assert {row["aggregate_id"]: row["published"] for row in rows} == {held: False, free: True}
        await made.query("delete from deliveries")
        await made.relay()
        assert all(row["published"] for row in await made.query("select published from outbox"))


async def test_partitions_are_dropped_when_nobody_waits_for_them(migrated: Urls) -> None:
    async with house(migrated) as made:
        await made.create(uuid4())
        names = "select relname from pg_class where relname ~ '^outbox_[0-9]+$' order by 1"
        before = [row["relname"] for row in await made.query(names)]
        assert len(before) == 4  # today and three days ahead
        await made.query("select maintain_event_partitions(5, -2)")
        kept = [row["relname"] for row in await made.query(names)]
        assert before[0] in kept  # it holds an event that nobody has published
        assert before[1] not in kept
        await made.relay()
        await made.query("select maintain_event_partitions(0, -2)")
        assert before[0] not in [row["relname"] for row in await made.query(names)]

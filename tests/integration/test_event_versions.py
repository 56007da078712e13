"""Subscribers of each version of an event: in the transaction, in the worker, by a broker's name, and by replaying what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from api_base.core.protocols import Isolation, StoredEvent
from api_base.domain.common.events import DurableSubscription, Subscription
from api_base.domain.common.value_objects import Money
from api_base.domain.items.events import ItemPriceChanged, ItemPriceChangedV1
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.events.admin import EventAdmin
from api_base.infrastructure.events.relay import Relay
from api_base.infrastructure.serialization.json_codec import encode
from tests.factories.items import NOW
from tests.integration.event_harness import JOURNAL, EventHarness, house
from tests.support import act_for

V1, V2 = ItemPriceChangedV1.name, ItemPriceChanged.name
EUR, DEARER, USD = Money(minor=1250, currency="EUR"), Money(minor=1300, currency="EUR"), Money(minor=1390, currency="USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    aggregate_id: UUID
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    aggregate_id: UUID
    before: tuple[Price, ...]
    after: tuple[Price, ...]


class Heard:
    """What the subscribers of each version were told."""

    def __init__(self, made: EventHarness) -> None:
        made.versions.add([ItemPriceChanged])
        self.first: list[tuple[int | None, int | None]] = []
        self.all: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.subscriptions = [
            DurableSubscription(name="tests.first", event=V1, payload=First, handle=self.hear_first),
            DurableSubscription(name="tests.all", event=V2, payload=All, handle=self.hear_all),
        ]
        made.subscribers.add(self.subscriptions)

    async def hear_first(self, event: First) -> None:
        self.first.append((event.before, event.after))

    async def hear_all(self, event: All) -> None:
        self.all.append((tuple(one.minor for one in event.before), tuple(one.minor for one in event.after)))


async def reprice(made: EventHarness, tenant: UUID, id: UUID, *prices: Money) -> None:
    act_for(tenant)
    found = await made.store.items.get(id)
    assert found is not None
    found.change(NOW, prices=prices)
    await made.transactions.run(Isolation.OPTIMISTIC, lambda: made.store.items.update(found))


async def store_as_before(made: EventHarness, event: ItemPriceChangedV1) -> None:
    """Store an event as the release before did, which knew the older version only."""
    columns = "at, id, tenant_id, shard, name, aggregate_id, aggregate_version, actor_id, request_id, traceparent, payload"
    values = f"now(), gen_random_uuid(), '{event.tenant_id}', 0, '{V1}', '{event.aggregate_id}', 9, null, '', '', $1"
    await made.query(f"insert into outbox ({columns}) values ({values})", encode(event).decode())


async def test_subscribers_of_both_versions_are_served(migrated: Urls) -> None:
    tenant = uuid4()
    async with house(migrated) as made:
        heard = Heard(made)
        consumers = [made.consumer(one) for one in heard.subscriptions]
        id = await made.create(tenant)
        await reprice(made, tenant, id, DEARER)
        await reprice(made, tenant, id, DEARER, USD)
        before = ItemPriceChangedV1(
            aggregate_id=id, tenant_id=tenant, category="c", before=None, before_currency=None, after=1, after_currency="EUR"
        )
        await store_as_before(made, before)
        await made.relay()
        for consumer in consumers:
            await consumer.run()
        assert heard.all == [((1250,), (1300,)), ((1300,), (1300, 1390)), ((), (1,))]
        assert heard.first == [(1250, 1300), (None, 1)]
        assert [row["name"] for row in await made.query("select name from outbox where name like 'items.price%' order by sequence")] == [
            V2,
            V2,
            V1,
        ]


@pytest.mark.parametrize(("name", "count"), [("tests.first", 2), ("tests.all", 3)])
async def test_a_subscriber_that_comes_later_is_served_from_the_store(migrated: Urls, name: str, count: int) -> None:
    """A replay finds the events of both names, and delivers what the subscriber's version has."""
    tenant = uuid4()
    async with house(migrated) as made:
        made.versions.add([ItemPriceChanged])
        id = await made.create(tenant)
        await reprice(made, tenant, id, DEARER)
        await reprice(made, tenant, id, DEARER, USD)
        await reprice(made, tenant, id)
        await made.relay()
        heard = Heard(made)
        subscription = next(one for one in heard.subscriptions if one.name == name)
        names = made.versions.names(subscription.event)
        assert await EventAdmin(made.worker.pool).replay(subscription=name, names=names, since=NOW) == 3
        await made.consumer(subscription).run()
        assert len(heard.first) + len(heard.all) == count
        assert await made.query("select from deliveries") == []


async def test_a_broker_has_each_version_in_the_order_of_the_aggregate(migrated: Urls) -> None:
    published: list[StoredEvent] = []

    class Broker:
        async def publish(self, events: Sequence[StoredEvent]) -> None:
            published.extend(events)

    tenant = uuid4()
    async with house(migrated) as made:
        made.versions.add([ItemPriceChanged])
        id = await made.create(tenant)
        await reprice(made, tenant, id, DEARER)
        await Relay(made.worker.pool, Broker(), JOURNAL, made.versions).run()
        assert [(one.name, one.aggregate_version) for one in published[1:]] == [("items.changed.v1", 2), (V2, 2), (V1, 2)]
        assert published[2].id == published[3].id
        assert await made.query("select from outbox where not published") == []


async def test_subscribers_in_the_transaction_are_served_too(migrated: Urls) -> None:
    heard: list[object] = []

    async def hear(event: First | All) -> None:
        heard.append((type(event), event.after))

    tenant = uuid4()
    async with house(migrated) as made:
        made.subscribers.add([Subscription(V1, First, hear), Subscription(V2, All, hear)])
        id = await made.create(tenant)
        await reprice(made, tenant, id, DEARER, USD)
        await reprice(made, tenant, id, DEARER)
        assert heard == [(All, (DEARER, USD)), (First, 1300), (All, (DEARER,))]


async def test_an_event_that_cannot_be_converted_is_dead_with_the_reason(migrated: Urls) -> None:
    tenant = uuid4()
    async with house(migrated) as made:
        made.versions.add([ItemPriceChanged])
        id, other = await made.create(tenant), await made.create(tenant)
        await reprice(made, tenant, id, DEARER)
        await made.query("update outbox set payload = payload || '{\"before\": 7}' where name = $1", V2)
        await made.rename(tenant, other, "again")
        await made.relay()
        await made.relay()  # the others, after the one that was refused
        (dead,) = await made.query("select subscription, aggregate_id, error from deliveries where dead")
        assert (dead["subscription"], dead["aggregate_id"]) == ("relay", id)
        assert "cannot be converted to the other versions of items.price_changed.v2" in dead["error"]
        assert {row["aggregate_id"] for row in await made.query("select aggregate_id from outbox where not published")} == {id}

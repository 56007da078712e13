"""Items with their events, a relay, and as many consumers of each subscription as a test wants."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from api_base.application.common.events import EventDelivery, EventVersions
from api_base.application.common.middleware.unit_of_work import Transactions
from api_base.core.protocols import Isolation
from api_base.domain.common.events import DurableSubscription, Subscribers
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.events.consumer import DeliveryConsumer
from api_base.infrastructure.events.database_publisher import DatabaseEventPublisher
from api_base.infrastructure.events.relay import Relay
from api_base.infrastructure.realtime.sequencer import Sequencer
from api_base.infrastructure.realtime.signals import DatabaseSignals
from api_base.infrastructure.serialization.json_codec import decode_as, encode
from tests.factories.items import NOW, item
from tests.support import Stored, act_for, stored

JOURNAL = Sequencer({}, DatabaseSignals(), 10)
"""The journal of an application without channels."""
CREATED, CHANGED = "items.created.v1", "items.changed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    aggregate_id: UUID
    tenant_id: UUID


@dataclass
class EventHarness:
    """Items with their events, a relay, and as many consumers of each subscription as a test wants."""

    urls: Urls
    store: Stored
    worker: Database
    subscribers: Subscribers = field(default_factory=Subscribers)
    versions: EventVersions = field(default_factory=lambda: EventVersions(encode, decode))

    @property
    def transactions(self) -> Transactions:
        return Transactions(self.store.begin, self.subscribers, lambda: None)

    def subscribe(self, name: str, event: str, handle: Callable[[Told], Any]) -> DeliveryConsumer:
        subscription = DurableSubscription(name=name, event=event, payload=Told, handle=handle)
        self.subscribers.add([subscription])
        return self.consumer(subscription)

    def consumer(self, subscription: DurableSubscription) -> DeliveryConsumer:
        return DeliveryConsumer(self.worker.pool, subscription, EventDelivery(self.transactions, decode, self.versions))

    async def relay(self) -> None:
        while await Relay(self.worker.pool, DatabaseEventPublisher(self.worker.pool, self.subscribers), JOURNAL, self.versions).run():
            pass

    async def create(self, tenant: UUID, sku: str | None = None) -> UUID:
        act_for(tenant)
        new = item(tenant_id=tenant, sku=sku or f"SKU-{uuid4()}")
        await self.transactions.run(Isolation.OPTIMISTIC, lambda: self.store.items.create(new))
        return new.id

    async def rename(self, tenant: UUID, id: UUID, name: str) -> None:
        act_for(tenant)
        found = await self.store.items.get(id)
        assert found is not None
        found.change(NOW, name=name)
        await self.transactions.run(Isolation.OPTIMISTIC, lambda: self.store.items.update(found))

    async def query(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.urls.owner)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()


def decode(payload: bytes, wanted: type[Any]) -> Any:
    return decode_as(payload, wanted, strict=False)


@asynccontextmanager
async def house(urls: Urls) -> AsyncIterator[EventHarness]:
    async with stored(urls) as store:
        worker = Database(urls.worker, PoolOptions(size=5, acquire_timeout=10, statement_timeout=20))
        await worker.open()
        try:
            yield EventHarness(urls, store, worker)
        finally:
            await worker.close()

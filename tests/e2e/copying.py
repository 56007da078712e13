"""A context for tests that kill processes: each change of an item creates a copy, whose sku contains the id of the item."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.bootstrap.context import Context, Ports
from api_base.core.types import TenantId
from api_base.domain.common.events import DurableSubscription
from api_base.domain.items.entities import Item, ItemDetails
from api_base.infrastructure.items.repository import SqlItemRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    aggregate_id: UUID
    tenant_id: UUID


def _copying(ports: Ports) -> DurableSubscription:
    items = SqlItemRepository(ports.database)

    async def copy(event: Changed) -> None:
        id = ports.ids.new()
        details = ItemDetails(sku=f"{event.aggregate_id}/{id}"[:64], name="Copy", category="copies")
        await items.create(Item.create(id=id, tenant_id=TenantId(event.tenant_id), details=details, now=ports.clock.now()))

    return DurableSubscription(name="copying.copy", event="items.changed.v1", payload=Changed, handle=copy)


COPYING: Final = Context(name="copying", subscribers=lambda ports: [_copying(ports)])

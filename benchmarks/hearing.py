"""Contexts with one durable subscriber each: the first records when it received an event, the second creates an item from it."""

import os
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.bootstrap.context import Context, Ports
from api_base.core.types import TenantId
from api_base.domain.common.events import DurableSubscription
from api_base.domain.items.entities import Item, ItemDetails
from api_base.infrastructure.items.repository import SqlItemRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    aggregate_id: UUID
    tenant_id: UUID


def _hearing(ports: Ports) -> DurableSubscription:
    file = os.open(os.environ["HEARD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def hear(event: Created) -> None:
        os.write(file, f"{event.aggregate_id} {time.monotonic_ns()}\n".encode())

    return DurableSubscription(name="hearing.hear", event="items.created.v1", payload=Created, handle=hear)


def _copying(ports: Ports) -> DurableSubscription:
    items = SqlItemRepository(ports.database)

    async def copy(event: Created) -> None:
        id = ports.ids.new()
        details = ItemDetails(sku=f"copy-{id}", name="Copy", category="copies")
        await items.create(Item.create(id=id, tenant_id=TenantId(event.tenant_id), details=details, now=ports.clock.now()))

    return DurableSubscription(name="copying.copy", event="items.stored.v1", payload=Created, handle=copy)


HEARING: Final = Context(name="hearing", subscribers=lambda ports: [_hearing(ports)])
COPYING: Final = Context(name="copying", subscribers=lambda ports: [_copying(ports)])

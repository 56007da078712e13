"""A context with countable effects: a row for each event of a subscriber and for each job, named after its cause."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command, Registration, on
from api_base.application.common.jobs import Job
from api_base.bootstrap.context import Context, Ports
from api_base.core.types import Delivery, TenantId, current_context
from api_base.domain.common.events import AnySubscription, DurableSubscription, Subscription
from api_base.domain.items.entities import Item, ItemDetails
from api_base.infrastructure.items.repository import SqlItemRepository

DELIVERED, DONE = "delivered", "done"
"""The categories of rows for events and for jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    aggregate_id: UUID
    tenant_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command[None]):
    permission = PUBLIC
    item_id: UUID
    tenant_id: UUID


class NoteHandler:
    def __init__(self, ports: Ports) -> None:
        self._write = _writer(ports)

    async def handle(self, command: Note) -> None:
        await self._write(DONE, command.item_id, command.tenant_id)


def _writer(ports: Ports) -> Callable[[str, UUID, UUID], Awaitable[None]]:
    """Writes an item that no subscriber reads. Its number is random: if it is written twice, both rows are counted."""
    items = SqlItemRepository(ports.database)

    async def write(category: str, cause: UUID, tenant: UUID) -> None:
        id = ports.ids.new()
        details = ItemDetails(sku=f"{cause}/{id.hex[5:]}", name="Effect", category=category)
        item = Item.create(id=id, tenant_id=TenantId(tenant), details=details, now=ports.clock.now())
        item.collect_events()
        await items.create(item)

    return write


def _subscribers(ports: Ports) -> list[AnySubscription]:
    write = _writer(ports)

    async def told(event: Told) -> None:
        origin = current_context.get().origin
        assert isinstance(origin, Delivery)
        await write(DELIVERED, origin.event_id, event.tenant_id)

    async def enqueue(event: Told) -> None:
        await ports.jobs.enqueue(Note(item_id=event.aggregate_id, tenant_id=event.tenant_id))

    return [
        Subscription(event="items.created.v1", payload=Told, handle=enqueue),
        DurableSubscription(name="effects.created", event="items.created.v1", payload=Told, handle=told),
        DurableSubscription(name="effects.changed", event="items.changed.v1", payload=Told, handle=told),
    ]


def _handlers(ports: Ports) -> list[Registration]:
    return [on(Note, NoteHandler(ports))]


EFFECTS: Final = Context(name="effects", handlers=_handlers, subscribers=_subscribers, jobs=[Job(name="effects.note", message=Note)])

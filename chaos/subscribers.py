"""The durable subscribers of the chaos context: each leaves an effect for each of its events, and one also enqueues a job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.core.protocols import AsyncRepository, IdGenerator, JobQueue
from api_base.core.types import Delivery, current_context
from api_base.domain.common.events import DurableSubscription
from chaos.effects import Effect
from chaos.jobs import Note
from chaos.points import IN_HANDLER, Watch

SUBSCRIPTIONS: Final = {
    "chaos.created": "items.created.v1",
    "chaos.changed": "items.changed.v1",
    "chaos.changed_too": "items.changed.v1",
    "chaos.status": "items.status_changed.v1",
    "chaos.deleted": "items.deleted.v1",
}
"""The event of each subscription. Two subscriptions share an event."""
ENQUEUES: Final = "chaos.created"
"""The subscription that enqueues a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEvent:
    """The fields that a subscriber uses of an item's event."""

    aggregate_id: UUID
    tenant_id: UUID


def subscriptions(effects: AsyncRepository[Effect, UUID], jobs: JobQueue, ids: IdGenerator, watch: Watch) -> list[DurableSubscription]:
    async def note(event: ItemEvent) -> None:
        watch.come_by([IN_HANDLER])
        origin = current_context.get().origin
        assert isinstance(origin, Delivery)  # a durable subscriber always runs within a delivery
        subscription, event_id = origin.subscription, origin.event_id
        effect = Effect(
            id=ids.new(), tenant_id=event.tenant_id, subscription=subscription, event_id=event_id, aggregate_id=event.aggregate_id
        )
        await effects.create(effect)
        if subscription == ENQUEUES:
            await jobs.enqueue(Note(event_id=event_id, item_id=event.aggregate_id))

    return [_subscription(name, event, note) for name, event in SUBSCRIPTIONS.items()]


def _subscription(name: str, event: str, handle: Callable[[ItemEvent], Awaitable[None]]) -> DurableSubscription:
    return DurableSubscription(name=name, event=event, payload=ItemEvent, handle=handle)

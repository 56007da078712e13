"""What the subscribers of the chaos leave: a row for each event that they were told, numbered by the database in the order of writing.

Nothing in the table keeps an effect from standing twice or out of order: that is the product's to see to, and ours to count.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.base import AggregateRoot
from api_base.core.protocols import IdGenerator
from api_base.core.types import current_context, request_tenant
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.schema import tenant_owned, text
from api_base.infrastructure.db.session import Database
from chaos.points import IN_HANDLER, Watch

TABLE: Final = tenant_owned(
    "chaos_effects",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subscription", text(), nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("aggregate_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Besides there is `position`, which the database draws when a row is written: the application does not know of it."""

SUBSCRIPTIONS: Final = {
    "chaos.created": "items.created.v1",
    "chaos.changed": "items.changed.v1",
    "chaos.changed_too": "items.changed.v1",
    "chaos.status": "items.status_changed.v1",
    "chaos.deleted": "items.deleted.v1",
}
"""Each subscription's event. Two hear the same."""


@dataclass(slots=True, kw_only=True, eq=False)
class Effect(AggregateRoot):
    tenant_id: UUID
    subscription: str
    event_id: UUID
    aggregate_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEvent:
    """What a subscriber wants of an item's event."""

    aggregate_id: UUID
    tenant_id: UUID


def subscriptions(database: Database, ids: IdGenerator, watch: Watch) -> list[DurableSubscription[ItemEvent]]:
    columns, owner = attrgetter(*TABLE.c.keys()), attrgetter("tenant_id")
    mapping = TableMapping[Effect](entity="effect", table=TABLE, to_row=columns, from_row=lambda row: Effect(**row), owner=owner)
    effects = SqlRepository(database, mapping, request_tenant)

    async def note(event: ItemEvent) -> None:
        watch.come_by([IN_HANDLER])
        delivery = current_context.get().delivery
        assert delivery is not None  # a durable subscriber is always told which event it is
        name, event_id = delivery
        effect = Effect(
            id=ids.new(), tenant_id=event.tenant_id, subscription=name, event_id=event_id, aggregate_id=event.aggregate_id
        )  # fmt: skip
        await effects.create(effect)

    return [DurableSubscription(name=name, event=event, payload=ItemEvent, handle=note) for name, event in SUBSCRIPTIONS.items()]

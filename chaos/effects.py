"""The effects of the subscribers and jobs of the chaos context: a row for each event, numbered by the database in the order of writing.

The table does not prevent duplicate or misordered effects: the product must prevent them, and the counter detects them.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.base import AggregateRoot
from api_base.core.types import request_tenant
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.db.schema import tenant_owned, text
from api_base.infrastructure.db.session import Database

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
"""The table also has `position`, which the database assigns when a row is written; the application does not know it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Effect(AggregateRoot):
    tenant_id: UUID
    subscription: str
    event_id: UUID
    aggregate_id: UUID


def repository(database: Database) -> SqlRepository[Effect]:
    mapping = TableMapping[Effect](
        entity="effect", table=TABLE, to_row=row_of(TABLE), from_row=restored(Effect), owner=lambda effect: effect.tenant_id
    )
    return SqlRepository(database, mapping, request_tenant)

"""What subscribers and jobs of the chaos leave: a row for each event that they were told of, numbered by the database in the order of writing.

Nothing in the table keeps an effect from standing twice or out of order: that is the product's to see to, and ours to count.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.base import AggregateRoot
from api_base.core.types import request_tenant
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
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
"""Besides there is `position`, which the database draws when a row is written: the application does not know of it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Effect(AggregateRoot):
    tenant_id: UUID
    subscription: str
    event_id: UUID
    aggregate_id: UUID


def repository(database: Database) -> SqlRepository[Effect]:
    columns, owner = attrgetter(*TABLE.c.keys()), attrgetter("tenant_id")
    mapping = TableMapping[Effect](entity="effect", table=TABLE, to_row=columns, from_row=lambda row: Effect(**row), owner=owner)
    return SqlRepository(database, mapping, request_tenant)

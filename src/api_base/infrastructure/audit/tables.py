"""The table of the audit trail. The role `app` may insert and read, and neither change nor delete."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db.schema import tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

AUDIT: Final = tenant_owned(
    "audit",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("tenant_id", sa.Uuid),
    sa.Column("at", timestamp(), nullable=False),
    sa.Column("actor_id", sa.Uuid),
    sa.Column("request_id", text(), nullable=False),
    sa.Column("trace_id", text(), nullable=False),
    sa.Column("address", text(), nullable=False),
    sa.Column("action", text(), nullable=False),
    sa.Column("entity", text(), nullable=False),
    sa.Column("entity_id", sa.Uuid),
    sa.Column("before", JSONB),
    sa.Column("after", JSONB),
)
"""`tenant_id` is null for what belongs to no tenant (identities, sessions, refusals before a tenant was known)."""

"""Tables of events.

The role `app` writes `outbox` with each change; daily partitions keep it for some days. `deliveries` holds the open deliveries of each
subscription: the relay inserts them, the consumer deletes them when done. Subscribers write `inbox` together with their effects.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db.schema import system_owned, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

SHARDS: Final = 16
"""Aggregates are distributed over the shards; one process at a time works on a shard. Changing the number would break the order."""

OUTBOX: Final = tenant_owned(
    "outbox",
    METADATA,
    sa.Column("at", timestamp(), primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("tenant_id", sa.Uuid),
    sa.Column("shard", sa.SmallInteger, nullable=False),
    sa.Column("name", text(), nullable=False),
    sa.Column("aggregate_id", sa.Uuid, nullable=False),
    sa.Column("aggregate_version", sa.Integer, nullable=False),
    sa.Column("actor_id", sa.Uuid),
    sa.Column("request_id", text(), nullable=False),
    sa.Column("traceparent", text(), nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default=sa.text("nextval('outbox_sequence')")),
    sa.Column("published", sa.Boolean, nullable=False, server_default=sa.text("false")),
)
"""`sequence` is assigned when the row is written, and a version is written only after the previous one is committed: so within an
aggregate it grows with the version. `tenant_id` is null for an aggregate without a tenant."""

DELIVERIES: Final = system_owned(
    "deliveries",
    METADATA,
    sa.Column("subscription", text(), primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("event_at", timestamp(), nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("shard", sa.SmallInteger, nullable=False),
    sa.Column("aggregate_id", sa.Uuid, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", timestamp(), nullable=False),
    sa.Column("dead", sa.Boolean, nullable=False),
    sa.Column("error", text()),
)
"""A delivery may be tried at `due`; one that is dead or not yet due blocks the later ones of its aggregate."""

INBOX: Final = system_owned(
    "inbox",
    METADATA,
    sa.Column("subscription", text(), primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("at", timestamp(), nullable=False),
)

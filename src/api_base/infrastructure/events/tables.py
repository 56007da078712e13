"""Tables of events.

The role `app` writes `outbox` in the transaction of the change; its daily partitions are kept for some days. The relay inserts `deliveries`,
one row for each subscription of an event, and the consumer deletes them when they succeed. A subscriber writes `inbox` in the transaction of
its effects.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db.schema import system_owned, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

SHARDS: Final = 16
"""The number of shards that aggregates are hashed to. One process at a time works on a shard. Changing it would break the order of events."""

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
    sa.Column("journaled", sa.Boolean, nullable=False, server_default=sa.text("false")),
    across_owners={"outbox_pkey": "its tenant may be null; ids are made by the application, never taken from a caller"},
)
"""`sequence` is assigned on insert, and a version is inserted only after the previous one was committed: within an aggregate it grows with the
version. `tenant_id` is null for events of no tenant. `journaled` says that connected clients have an event that is not published yet."""

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
    sa.Column("next_attempt_at", timestamp(), nullable=False),
    sa.Column("dead", sa.Boolean, nullable=False),
    sa.Column("error", text()),
)
"""A delivery that is dead, or whose `next_attempt_at` is in the future, blocks the later deliveries of its aggregate."""

INBOX: Final = system_owned(
    "inbox",
    METADATA,
    sa.Column("subscription", text(), primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("at", timestamp(), nullable=False),
)

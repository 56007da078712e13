"""Tables of events.

`outbox` is written with the change, by the role `app`, and kept for some days in daily partitions. `deliveries` is what is still to
be done, by subscription: made by the relay, removed when done. `inbox` is what subscribers have done, written with their effects.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db.schema import system_owned, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

SHARDS: Final = 16
"""Aggregates are spread over so many; one process at a time works on each. A change of it would mix orders up."""

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
"""`sequence` is drawn when the row is written, and a version is written only after the one before it was committed: so within
an aggregate it grows with the version. `tenant_id` is null for what belongs to no tenant."""

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
"""`due` is when it may be tried; a delivery that is dead, or not yet due again, holds up the later ones of its aggregate."""

INBOX: Final = system_owned(
    "inbox",
    METADATA,
    sa.Column("subscription", text(), primary_key=True),
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("at", timestamp(), nullable=False),
)

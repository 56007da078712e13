"""Tables of the context `auth`: sessions and devices, owned by their user, and tickets, by which a connection finds out who its user is."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import PERSONAL, SECRET, system_owned, text, timestamp, user_owned

METADATA: Final = sa.MetaData()

SESSIONS: Final = user_owned(
    "sessions",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("tenant_id", sa.Uuid),
    sa.Column("tag_key", sa.LargeBinary, nullable=False, info=SECRET),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, info=SECRET),
    sa.Column("previous_digest", sa.LargeBinary, info=SECRET),
    sa.Column("nonce", sa.LargeBinary, info=SECRET),
    sa.Column("rotated_at", timestamp()),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Column("revoked_at", timestamp()),
    sa.Column("user_agent", text(), nullable=False, info=PERSONAL),
    sa.Column("address", text(), nullable=False, info=PERSONAL),
    sa.Index("ix_sessions_expires_at", "expires_at"),
)

DEVICES: Final = user_owned(
    "devices",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("user_agent", text(), nullable=False, info=PERSONAL),
    sa.Column("address", text(), nullable=False, info=PERSONAL),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("seen_at", timestamp(), nullable=False),
    sa.Index("ix_devices_seen_at", "seen_at"),
)

TICKETS: Final = system_owned(
    "event_tickets",
    METADATA,
    sa.Column("digest", sa.LargeBinary, primary_key=True, info=SECRET),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("tenant_id", sa.Uuid),
    sa.Column("origin", text()),
    sa.Column("token_expires_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Index("ix_event_tickets_user_id", "user_id"),
    sa.Index("ix_event_tickets_expires_at", "expires_at"),
    privileges=("SELECT", "INSERT", "DELETE"),
)

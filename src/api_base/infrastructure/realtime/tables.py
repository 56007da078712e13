"""Tables of real-time delivery: channels, their events, and who is present. Those of a tenant, and those of a user.

A row of a channel is made by its first subscriber. The sequencer locks it, which makes offsets follow the order of commits, and stores events
only for channels that have a row: a channel without a first subscriber costs nothing.
"""

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import tenant_owned, text, timestamp, user_owned

METADATA: Final = sa.MetaData()


def _channels(name: str, owner: str, owned: Callable[..., sa.Table]) -> sa.Table:
    """`epoch` is random; a channel whose row was deleted gets another one."""
    return owned(
        name,
        METADATA,
        sa.Column(owner, sa.Uuid, primary_key=True),
        sa.Column("name", text(), primary_key=True),
        sa.Column("epoch", text(), nullable=False),
        sa.Column("last_offset", sa.BigInteger, nullable=False),
        sa.Column("used_at", timestamp(), nullable=False),
        sa.Index(f"ix_{name}_used_at", "used_at"),
    )


def _events(name: str, owner: str, owned: Callable[..., sa.Table]) -> sa.Table:
    """`data` is the public payload as JSON. Only members with `permission` may receive it; null means every subscriber."""
    return owned(
        name,
        METADATA,
        sa.Column(owner, sa.Uuid, primary_key=True),
        sa.Column("name", text(), primary_key=True),
        sa.Column("epoch", text(), primary_key=True),
        sa.Column("channel_offset", sa.BigInteger, primary_key=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("event", text(), nullable=False),
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("data", text(), nullable=False),
        sa.Column("permission", text()),
        sa.Column("stored_at", timestamp(), nullable=False),
        sa.Column("traceparent", text(), nullable=False, server_default=""),
        sa.Index(f"ix_{name}_stored_at", "stored_at"),
    )


CHANNELS: Final = _channels("channels", "tenant_id", tenant_owned)
"""The tenant is the nil UUID for jobs of no tenant."""
CHANNEL_EVENTS: Final = _events("channel_events", "tenant_id", tenant_owned)
USER_CHANNELS: Final = _channels("user_channels", "user_id", user_owned)
USER_CHANNEL_EVENTS: Final = _events("user_channel_events", "user_id", user_owned)
MEMBERS: Final = tenant_owned(
    "channel_members",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("name", text(), primary_key=True),
    sa.Column("process", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("leased_until", timestamp(), nullable=False),
    sa.Index("ix_channel_members_leased_until", "leased_until"),
)
"""A user with connections in a process. The row counts until `leased_until`, which the process extends."""

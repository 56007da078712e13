"""The table of the context `versions`."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import system_owned, text, timestamp

METADATA: Final = sa.MetaData()

DEPRECATED_CALLS: Final = system_owned(
    "deprecated_calls",
    METADATA,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("route", text(), primary_key=True),
    sa.Column("tenant", sa.Uuid, primary_key=True),
    sa.Column("client", text(), primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("last_at", timestamp(), nullable=False),
    sa.Index("ix_deprecated_calls_last_at", "last_at"),
    privileges=("SELECT", "DELETE"),
)
"""How often a client of a tenant called a deprecated route on a day in UTC. `tenant` is the nil UUID for callers without one. Rows belong to no tenant:
they are for operators. The role `app` adds to them by the function `count_deprecated_calls`, and reads none."""

"""Create the table of calls of deprecated routes. The server adds to it by a function, and reads nothing."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "versions_001"
down_revision = None
branch_labels = ("versions",)
depends_on = ("base_001",)

COUNT = """
create function count_deprecated_calls(at timestamptz, routes text[], tenants uuid[], clients text[], calls bigint[]) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '1s' as $$
    insert into deprecated_calls as known (day, route, tenant, client, calls, last_at)
    select (at at time zone 'UTC')::date, given.*, at from unnest(routes, tenants, clients, calls) as given order by 2, 3, 4
    on conflict (day, route, tenant, client)
    do update set calls = known.calls + excluded.calls, last_at = greatest(known.last_at, excluded.last_at) $$
"""
"""In the order of the key: two processes that add to the same rows do not wait for each other in a circle. A wait for a lock ends before the client stops
waiting: what took effect after that would be counted twice."""


def upgrade() -> None:
    op.create_table(
        "deprecated_calls",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("route", text(), nullable=False),
        sa.Column("tenant", sa.Uuid, nullable=False),
        sa.Column("client", text(), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("last_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("day", "route", "tenant", "client", name="deprecated_calls_pkey"),
    )
    op.create_index("ix_deprecated_calls_last_at", "deprecated_calls", ["last_at"])
    op.execute(COUNT)
    ddl.callable_by("count_deprecated_calls(timestamptz, text[], uuid[], text[], bigint[])", app=True)
    ddl.grant("deprecated_calls", worker=("select", "delete"))


def downgrade() -> None:
    op.execute("drop function count_deprecated_calls")
    op.drop_table("deprecated_calls")

"""Create outbox, deliveries and inbox. A function with the owner's privileges creates and drops the daily partitions of the outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "events_001"
down_revision = None
branch_labels = ("events",)
depends_on = ("base_001",)

PARTITIONS = """
create function maintain_event_partitions(ahead integer, kept integer) returns void language plpgsql
security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '2s' set timezone = 'UTC' as $$
declare
    day date;
    partition text;
begin
    if not pg_try_advisory_xact_lock(hashtext('maintain_event_partitions')) then
        return;
    end if;
    for day in select generate_series(current_date, current_date + ahead, interval '1 day')::date loop
        partition := 'outbox_' || to_char(day, 'YYYYMMDD');
        if to_regclass('public.' || partition) is null and not exists (select from public.outbox_default where at >= day and at < day + 1) then
            execute format('create table public.%I partition of public.outbox for values from (%L) to (%L)', partition, day, day + 1);
        end if;
    end loop;
    for partition, day in
        select relname, to_date(right(relname, 8), 'YYYYMMDD') from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'public.outbox'::regclass and relname ~ '^outbox_[0-9]{8}$' and to_date(right(relname, 8), 'YYYYMMDD') < current_date - kept
    loop
        if not exists (select from public.outbox where at >= day and at < day + 1 and not published)
           and not exists (select from public.deliveries where event_at >= day and event_at < day + 1) then
            execute format('drop table public.%I', partition);
        end if;
    end loop;
    delete from public.outbox_default o where at < current_date - kept and published
        and not exists (select from public.deliveries d where d.event_at = o.at and d.event_id = o.id);
    delete from public.inbox where at < current_date - kept
        and not exists (select from public.deliveries d where d.subscription = inbox.subscription and d.event_id = inbox.event_id);
end $$
"""
"""Keeps events that are not published or still have deliveries. An event without a partition for its day goes to the default partition."""


def upgrade() -> None:
    op.execute("create sequence outbox_sequence")
    op.create_table(
        "outbox",
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
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
        sa.PrimaryKeyConstraint("at", "id", name="outbox_pkey"),
        postgresql_partition_by="range (at)",
    )
    op.execute("create table outbox_default partition of outbox default")
    op.create_index("ix_outbox_unpublished", "outbox", ["sequence", "shard"], postgresql_where=sa.text("not published"))
    op.create_index("ix_outbox_aggregate_id", "outbox", ["aggregate_id", "aggregate_version"])
    ddl.force("outbox")
    roles = ddl.roles()
    mine = f"tenant_id is null or tenant_id = {ddl.current_owner(Ownership.TENANT)}"
    ddl.policy("outbox", "outbox_app_adds", to=roles.app, command="insert", check=mine)
    ddl.worker_policy("outbox")
    ddl.grant("outbox", app=("insert",), worker=("select", "update"))
    op.execute(f"grant usage on sequence outbox_sequence to {ddl.quoted(roles.app)}")
    _deliveries()
    op.create_table(
        "inbox",
        sa.Column("subscription", text(), nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "event_id", name="inbox_pkey"),
    )
    ddl.grant("inbox", app=("insert",))
    op.execute(PARTITIONS)
    ddl.callable_by("maintain_event_partitions(integer, integer)", worker=True)
    op.execute("select maintain_event_partitions(3, 7)")


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("subscription", text(), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("event_at", timestamp(), nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("shard", sa.SmallInteger, nullable=False),
        sa.Column("aggregate_id", sa.Uuid, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", timestamp(), nullable=False),
        sa.Column("dead", sa.Boolean, nullable=False),
        sa.Column("error", text()),
        sa.PrimaryKeyConstraint("subscription", "sequence", name="deliveries_pkey"),
    )
    op.create_index("ix_deliveries_aggregate_id", "deliveries", ["subscription", "aggregate_id", "sequence"])
    op.create_index("ix_deliveries_event_at", "deliveries", ["event_at", "event_id"])
    ddl.grant("deliveries", worker=ddl.READ_WRITE)


def downgrade() -> None:
    op.execute("drop function maintain_event_partitions(integer, integer)")
    op.drop_table("inbox")
    op.drop_table("deliveries")
    op.drop_table("outbox")
    op.execute("drop sequence outbox_sequence")

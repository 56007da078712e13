"""Create the audit trail in monthly partitions, with its seals and checkpoints.

The role `app` inserts records and reads those of its tenant. The role `worker` reads all records and inserts seals and checkpoints. Neither
can update or delete: a function with the owner's privileges drops expired partitions.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.core.types import NO_TENANT
from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, Xid8, text, timestamp

revision = "audit_001"
down_revision = None
branch_labels = ("audit",)
depends_on = ("base_001",)

MAKE = """
create function create_audit_partitions() returns void language plpgsql
security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '2s' set timezone = 'UTC' as $$
declare
    month timestamptz;
    partition text;
begin
    for month in select generate_series(date_trunc('month', now()), now() + interval '2 months', interval '1 month') loop
        partition := 'audit_' || to_char(month, 'YYYYMM');
        if to_regclass('public.' || partition) is null
           and not exists (select from public.audit_default where at >= month and at < month + interval '1 month') then
            execute format(
                'create table public.%I partition of public.audit for values from (%L) to (%L)', partition, month, month + interval '1 month');
        end if;
    end loop;
end $$
"""
"""A record without a partition for its month goes to the default partition."""

DROP = """
create function drop_expired_audit(expiry timestamptz) returns void language plpgsql
security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '2s' set timezone = 'UTC' as $$
declare
    partition text;
begin
    if expiry > now() - interval '30 days' then
        raise exception 'records younger than 30 days have not expired';
    end if;
    if exists (
        select from public.audit a where a.at < expiry and (a.transaction_id, a.sequence) > (
            coalesce((select s.transaction_id from public.audit_seals s order by s.transaction_id desc, s.sequence desc limit 1), 0)::text::xid8,
            coalesce((select s.sequence from public.audit_seals s order by s.transaction_id desc, s.sequence desc limit 1), 0))
    ) then
        raise exception 'records from before % are not sealed', expiry;
    end if;
    if exists (
        select from public.audit_seals s where expiry > any (s.times)
        and not exists (select from public.audit_checkpoints c where c.chain = s.chain and c.expired_before = expiry)
    ) then
        raise exception 'a chain has no checkpoint for %', expiry;
    end if;
    delete from public.audit_seals s using public.audit_checkpoints c
        where c.chain = s.chain and c.expired_before = expiry and s.number <= c.number and expiry > all (s.times);
    for partition in
        select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'public.audit'::regclass and relname ~ '^audit_[0-9]{6}$'
        and to_date(right(relname, 6), 'YYYYMM') + interval '1 month' <= expiry
    loop
        execute format('drop table public.%I', partition);
    end loop;
    delete from public.audit_default where at < expiry;
end $$
"""
"""Refuses to drop records that are younger than 30 days, not sealed, or of a chain without a checkpoint."""


def upgrade() -> None:
    op.execute("create sequence audit_sequence")
    op.create_table(
        "audit",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("request_id", text(), nullable=False),
        sa.Column("trace_id", text(), nullable=False),
        sa.Column("address", text(), nullable=False),
        sa.Column("action", text(), nullable=False),
        sa.Column("entity", text(), nullable=False),
        sa.Column("entity_id", sa.Uuid),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.Column("transaction_id", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default=sa.text("nextval('audit_sequence')")),
        sa.PrimaryKeyConstraint("tenant_id", "at", "id", name="audit_pkey"),
        postgresql_partition_by="range (at)",
    )
    op.execute("create table audit_default partition of audit default")
    op.create_index("ix_audit_transaction_id", "audit", ["transaction_id", "sequence"])
    for column in ("action", "entity", "entity_id", "actor_id"):
        op.create_index(f"ix_audit_tenant_id_{column}", "audit", ["tenant_id", column, "at", "id"])
    mine = f"tenant_id = {ddl.current_owner(Ownership.TENANT)}"
    roles = ddl.roles()
    ddl.force("audit")
    ddl.policy("audit", "audit_app_reads", to=roles.app, command="select", using=mine)
    ddl.policy("audit", "audit_app_adds", to=roles.app, command="insert", check=f"tenant_id = '{NO_TENANT}' or {mine}")
    ddl.policy("audit", "audit_worker_reads", to=roles.worker, command="select", using="true")
    ddl.grant("audit", app=("select", "insert"), worker=("select",))
    op.execute(f"grant usage on sequence audit_sequence to {ddl.quoted(roles.app)}")
    _seals()
    _checkpoints()
    op.execute(MAKE)
    op.execute(DROP)
    ddl.callable_by("create_audit_partitions()", worker=True)
    ddl.callable_by("drop_expired_audit(timestamptz)", worker=True)
    op.execute("select create_audit_partitions()")


def _seals() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("chain", sa.Uuid, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("ids", ARRAY(sa.Uuid), nullable=False),
        sa.Column("times", ARRAY(timestamp()), nullable=False),
        sa.Column("digests", ARRAY(sa.LargeBinary), nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name="audit_seals_pkey"),
    )
    op.create_index("ix_audit_seals_transaction_id", "audit_seals", ["transaction_id", "sequence", "chain"])
    ddl.grant("audit_seals", worker=("select", "insert"))


def _checkpoints() -> None:
    op.create_table(
        "audit_checkpoints",
        sa.Column("chain", sa.Uuid, nullable=False),
        sa.Column("expired_before", timestamp(), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("kid", text(), nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("chain", "expired_before", name="audit_checkpoints_pkey"),
    )
    ddl.grant("audit_checkpoints", worker=("select", "insert"))


def downgrade() -> None:
    op.execute("drop function drop_expired_audit(timestamptz)")
    op.execute("drop function create_audit_partitions()")
    op.drop_table("audit_checkpoints")
    op.drop_table("audit_seals")
    op.drop_table("audit")
    op.execute("drop sequence audit_sequence")

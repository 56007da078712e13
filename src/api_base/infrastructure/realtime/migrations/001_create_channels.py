"""Create channels, their events and their members. The worker stores events; subscribers make channels and read."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "realtime_001"
down_revision = None
branch_labels = ("realtime",)
depends_on = ("base_001", "tasks_001")

INCARNATION = """
create function journal_incarnation() returns text language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select left(md5(concat_ws(' ', (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
        (select oid from pg_database where datname = current_database()),
        pg_relation_filenode('public.channels'), pg_relation_filenode('public.channel_events'),
        pg_relation_filenode('public.user_channels'), pg_relation_filenode('public.user_channel_events'))), 8)
$$
"""
"""Changes when the journal may have lost events without its rows showing it: after a recovery to an earlier time or a failover (the timeline), in a
restored copy (server, database), and for a truncated or restored table (its file)."""

JOB_CHANGED = """
create function publish_job_change() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    channel record;
    status text := case new.state when 'waiting' then 'queued' when 'ready' then 'queued' when 'dead' then 'failed' else new.state end;
begin
    update public.channels set last_offset = last_offset + 1, used_at = clock_timestamp()
    where tenant_id = new.tenant_id and name = 'jobs/' || new.id returning * into channel;
    if found then
        insert into public.channel_events (tenant_id, name, epoch, channel_offset, event_id, event, at, data, permission, stored_at)
        values (new.tenant_id, channel.name, channel.epoch, channel.last_offset, '00000000-0000-0000-0000-000000000000', 'jobs.changed.v1',
            clock_timestamp(), json_build_object('id', new.id, 'name', new.name, 'state', status, 'progress', new.progress)::text, null,
            clock_timestamp());
        perform pg_notify('channel_events', json_build_array(json_build_array('t', new.tenant_id, channel.name))::text);
    end if;
    return null;
end $$
"""
"""Progress and outcome of a job are no domain events. The change, and its offset, commit together: the row of the channel stays locked until
then. A job that nobody follows costs the look-up of a row that does not exist."""


def upgrade() -> None:
    for prefix, owner, ownership in (("", "tenant_id", Ownership.TENANT), ("user_", "user_id", Ownership.USER)):
        _channels(f"{prefix}channels", owner, ownership)
        _events(f"{prefix}channel_events", owner, ownership)
    op.create_table(
        "channel_members",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("process", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("leased_until", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "process", "user_id", name="channel_members_pkey"),
    )
    op.create_index("ix_channel_members_leased_until", "channel_members", ["leased_until"])
    ddl.protect("channel_members")
    ddl.worker_policy("channel_members")
    ddl.grant("channel_members", app=ddl.READ_WRITE, worker=("select", "delete"))
    op.execute(INCARNATION)
    ddl.callable_by("journal_incarnation()", app=True)
    op.execute(JOB_CHANGED)
    op.execute("revoke all on function publish_job_change() from public")
    op.execute(
        "create trigger jobs_channel after update on jobs for each row "
        "when (old.state is distinct from new.state or old.progress is distinct from new.progress) execute function publish_job_change()"
    )


def _channels(name: str, owner: str, ownership: Ownership) -> None:
    op.create_table(
        name,
        sa.Column(owner, sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("epoch", text(), nullable=False),
        sa.Column("last_offset", sa.BigInteger, nullable=False),
        sa.Column("used_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint(owner, "name", name=f"{name}_pkey"),
    )
    op.create_index(f"ix_{name}_used_at", name, ["used_at"])
    ddl.protect(name, owner, ownership)
    ddl.worker_policy(name)
    ddl.grant(name, app=("select", "insert"), worker=("select", "update", "delete"))


def _events(name: str, owner: str, ownership: Ownership) -> None:
    op.create_table(
        name,
        sa.Column(owner, sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("epoch", text(), nullable=False),
        sa.Column("channel_offset", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("event", text(), nullable=False),
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("data", text(), nullable=False),
        sa.Column("permission", text()),
        sa.Column("stored_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint(owner, "name", "epoch", "channel_offset", name=f"{name}_pkey"),
    )
    op.create_index(f"ix_{name}_stored_at", name, ["stored_at"])
    ddl.protect(name, owner, ownership)
    ddl.worker_policy(name)
    ddl.grant(name, app=("select",), worker=("select", "insert", "delete"))


def downgrade() -> None:
    op.execute("drop trigger jobs_channel on jobs")
    op.execute("drop function publish_job_change()")
    op.execute("drop function journal_incarnation()")
    for table in ("channel_members", "channel_events", "user_channel_events", "channels", "user_channels"):
        op.drop_table(table)

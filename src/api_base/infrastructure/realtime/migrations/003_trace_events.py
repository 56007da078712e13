"""Keep with an event which request caused it, so that what its subscribers do belongs to the same trace."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db.schema import text

revision = "realtime_003"
down_revision = "realtime_002"
branch_labels = None
depends_on = None

JOB_CHANGED = """
create or replace function publish_job_change() returns trigger language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    channel record;
    status text := case new.state when 'waiting' then 'queued' when 'ready' then 'queued' when 'dead' then 'failed' else new.state end;
begin
    update public.channels set last_offset = last_offset + 1, used_at = clock_timestamp()
    where tenant_id = new.tenant_id and name = 'jobs/' || new.id returning * into channel;
    if found then
        insert into public.channel_events (tenant_id, name, epoch, channel_offset, event_id, event, at, data, permission, stored_at{column})
        values (new.tenant_id, channel.name, channel.epoch, channel.last_offset, '00000000-0000-0000-0000-000000000000', 'jobs.changed.v1',
            clock_timestamp(), json_build_object('id', new.id, 'name', new.name, 'state', status, 'progress', new.progress)::text, null,
            clock_timestamp(){value});
        perform pg_notify('channel_events', json_build_array(json_build_array('t', new.tenant_id, channel.name))::text);
    end if;
    return null;
end $$
"""
"""As in realtime_001; `{column}` and `{value}` are the trace."""


def upgrade() -> None:
    for table in ("channel_events", "user_channel_events"):
        op.add_column(table, sa.Column("traceparent", text(), nullable=False, server_default=""))
    op.execute(JOB_CHANGED.format(column=", traceparent", value=", new.traceparent"))


def downgrade() -> None:
    op.execute(JOB_CHANGED.format(column="", value=""))
    for table in ("channel_events", "user_channel_events"):
        op.drop_column(table, "traceparent")

"""Create what every context depends on: extensions, the row-count guard, the notification of access changes; close the schema."""

from alembic import op

from api_base.infrastructure.db import ddl

revision = "base_001"
down_revision = None
branch_labels = ("base",)
depends_on = None


def upgrade() -> None:
    op.execute("revoke create on schema public from public")
    op.execute("create extension if not exists pg_trgm")
    op.execute("create extension if not exists btree_gin")
    op.execute(
        """
        create function guard_rows(expected bigint, changed bigint) returns bigint language plpgsql as $$
        begin
            if changed is distinct from expected then
                raise exception 'expected % changed rows, not %', expected, changed using errcode = 'AB001';
            end if;
            return changed;
        end $$
        """
    )
    ddl.callable_by("guard_rows(bigint, bigint)", app=True, worker=True)
    op.execute(
        """
        create function notify_access() returns trigger language plpgsql as $$
        begin
            perform pg_notify('access_changed', to_jsonb(coalesce(new, old)) ->> tg_argv[0]);
            return null;
        end $$
        """
    )
    ddl.grant("alembic_version", app=("select",), worker=("select",))


def downgrade() -> None:
    ddl.revoke("alembic_version")
    op.execute("drop function notify_access")
    op.execute("drop function guard_rows")
    op.execute("drop extension btree_gin")
    op.execute("drop extension pg_trgm")

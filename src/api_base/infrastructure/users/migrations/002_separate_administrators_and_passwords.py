"""Move administrators of the platform and password hashes to tables of their own.

The role `app` reads the administrators; only the migrating role writes them. No role has a privilege on the hashes: two functions read and
write the hash of the user that the statement names as its owner.
"""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text

revision = "users_002"
down_revision = "users_001"
branch_labels = None
depends_on = ("base_001",)

DEFINER = "security definer set search_path = pg_catalog, public, pg_temp"
CURRENT = ddl.current_owner(Ownership.USER)
READ = f"""
create function user_password_hash(named uuid) returns text language sql stable {DEFINER}
as $$ select hash from public.user_passwords where user_id = named and named = {CURRENT} $$
"""
WRITE = f"""
create function set_user_password_hash(named uuid, new_hash text) returns void language plpgsql {DEFINER} as $$
begin
    if named is distinct from {CURRENT} then
        raise exception 'the statement does not run for the user %', named using errcode = 'insufficient_privilege';
    end if;
    insert into public.user_passwords (user_id, hash) values (named, new_hash) on conflict (user_id) do update set hash = excluded.hash;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "platform_administrators",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="platform_administrators_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_platform_administrators_user_id", ondelete="cascade"),
    )
    op.create_table(
        "user_passwords",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("hash", text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="user_passwords_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_passwords_user_id", ondelete="cascade"),
    )
    op.execute("insert into platform_administrators select id from users where platform_admin")
    op.execute("insert into user_passwords select id, password_hash from users")
    op.execute("drop trigger users_access on users")
    op.drop_index("ix_users_platform_admin", "users")
    op.drop_column("users", "platform_admin")
    op.drop_column("users", "password_hash")
    ddl.notify_access("users", "id", watched=("status",))
    ddl.notify_access("platform_administrators", "user_id")
    ddl.grant("platform_administrators", app=("select",))
    ddl.protect("user_passwords", "user_id", Ownership.USER)
    op.execute(READ)
    op.execute(WRITE)
    ddl.callable_by("user_password_hash(uuid)", app=True)
    ddl.callable_by("set_user_password_hash(uuid, text)", app=True)


def downgrade() -> None:
    op.execute("drop function set_user_password_hash(uuid, text)")
    op.execute("drop function user_password_hash(uuid)")
    op.execute("drop trigger users_access on users")
    op.add_column("users", sa.Column("password_hash", text()))
    op.add_column("users", sa.Column("platform_admin", sa.Boolean))
    op.execute(
        """
        update users set password_hash = coalesce((select hash from user_passwords where user_id = id), ''),
            platform_admin = exists (select from platform_administrators where user_id = id)
        """
    )
    op.alter_column("users", "password_hash", nullable=False)
    op.alter_column("users", "platform_admin", nullable=False)
    op.create_index("ix_users_platform_admin", "users", ["status"], postgresql_where=sa.text("platform_admin"))
    ddl.notify_access("users", "id", watched=("status", "platform_admin"))
    op.drop_table("user_passwords")
    op.drop_table("platform_administrators")

"""Create users, registrations and password resets. A change of status or platform administration notifies every process."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "users_001"
down_revision = None
branch_labels = ("users",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", text(), nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("password_hash", text(), nullable=False),
        sa.Column("status", text(), nullable=False),
        sa.Column("platform_admin", sa.Boolean, nullable=False),
        sa.Column("language", text(), nullable=False),
        sa.Column("password_changed_at", timestamp()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_index("ix_users_created_at", "users", ["created_at", "id"])
    op.create_index("ix_users_platform_admin", "users", ["status"], postgresql_where=sa.text("platform_admin"))
    op.create_index("ix_users_status", "users", ["status", "created_at", "id"])
    ddl.grant("users", app=("select", "insert", "update"))
    ddl.notify_access("users", "id", watched=("status", "platform_admin"))
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", text(), nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("language", text(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.Column("used_at", timestamp()),
        sa.PrimaryKeyConstraint("id", name="registrations_pkey"),
    )
    op.create_table(
        "password_resets",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.Column("used_at", timestamp()),
        sa.PrimaryKeyConstraint("user_id", "id", name="password_resets_pkey"),
    )
    unused = sa.text("used_at is null")
    op.create_index("uq_registrations_unconfirmed", "registrations", ["email"], unique=True, postgresql_where=unused)
    op.create_index("uq_password_resets_unused", "password_resets", ["user_id"], unique=True, postgresql_where=unused)
    op.create_index("ix_registrations_expires_at", "registrations", ["expires_at"])
    op.create_index("ix_password_resets_expires_at", "password_resets", ["expires_at"])
    ddl.protect("password_resets", "user_id", Ownership.USER)
    ddl.worker_policy("password_resets")
    for table in ("registrations", "password_resets"):
        ddl.grant(table, app=ddl.READ_WRITE, worker=("select", "delete"))


def downgrade() -> None:
    op.drop_table("password_resets")
    op.drop_table("registrations")
    op.drop_table("users")

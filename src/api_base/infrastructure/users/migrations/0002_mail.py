"""The language of a user's letters, registrations that wait for a link to be followed, and forgotten passwords."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "users_0002"
down_revision = "users_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("language", text(), nullable=False, server_default="en"))
    op.alter_column("users", "language", server_default=None)
    op.add_column("users", sa.Column("password_changed_at", timestamp()))
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", text(), nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("password_hash", text(), nullable=False),
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
    op.create_index("ix_registrations_expires_at", "registrations", ["expires_at"])
    op.create_index("ix_password_resets_expires_at", "password_resets", ["expires_at"])
    ddl.protect("password_resets", "user_id", Ownership.USER)
    ddl.worker_policy("password_resets")
    for table in ("registrations", "password_resets"):
        ddl.grant(table, app=("select", "insert", "update"), worker=("select", "delete"))


def downgrade() -> None:
    op.drop_table("password_resets")
    op.drop_table("registrations")
    op.drop_column("users", "password_changed_at")
    op.drop_column("users", "language")

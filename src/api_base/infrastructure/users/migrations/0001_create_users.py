"""Users. A change of status or of platform administration is told to every process."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "users_0001"
down_revision = None
branch_labels = ("users",)
depends_on = ("base_0001",)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", text(), nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("password_hash", text(), nullable=False),
        sa.Column("status", text(), nullable=False),
        sa.Column("platform_admin", sa.Boolean, nullable=False),
        sa.Column("failed_logins", sa.Integer, nullable=False),
        sa.Column("locked_until", timestamp()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_index("ix_users_created_at", "users", ["created_at", "id"])
    op.create_index("ix_users_status", "users", ["status", "created_at", "id"])
    ddl.grant("users", app=("select", "insert", "update"))
    ddl.notify_access("users", "id", watched=("status", "platform_admin"))


def downgrade() -> None:
    op.drop_table("users")

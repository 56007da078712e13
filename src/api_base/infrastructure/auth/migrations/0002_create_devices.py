"""Devices that users logged in from. The worker forgets those that were not seen for long."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "auth_0002"
down_revision = "auth_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "devices",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_agent", text(), nullable=False),
        sa.Column("address", text(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("seen_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="devices_pkey"),
    )
    op.create_index("ix_devices_seen_at", "devices", ["seen_at"])
    ddl.protect("devices", "user_id", Ownership.USER)
    ddl.grant("devices", app=("select", "insert", "update"), worker=("select", "delete"))
    ddl.worker_policy("devices")


def downgrade() -> None:
    op.drop_table("devices")

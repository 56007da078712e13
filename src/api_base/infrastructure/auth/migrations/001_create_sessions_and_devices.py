"""Create sessions and devices, each under the policy of its user. The worker prunes them; a revocation notifies every process."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "auth_001"
down_revision = None
branch_labels = ("auth",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid),
        sa.Column("tag_key", sa.LargeBinary, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("previous_digest", sa.LargeBinary),
        sa.Column("nonce", sa.LargeBinary),
        sa.Column("rotated_at", timestamp()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.Column("revoked_at", timestamp()),
        sa.Column("user_agent", text(), nullable=False),
        sa.Column("address", text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="sessions_pkey"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    ddl.protect("sessions", "user_id", Ownership.USER)
    ddl.grant("sessions", app=("select", "insert", "update"), worker=("select", "delete"))
    ddl.worker_policy("sessions")
    ddl.notify_access("sessions", "user_id", watched=("revoked_at",))
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
    op.drop_table("sessions")

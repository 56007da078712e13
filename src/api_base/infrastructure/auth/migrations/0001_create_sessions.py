"""Sessions, each under its user's policy. The worker clears away those that ended; revocations are told to every process."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, timestamp

revision = "auth_0001"
down_revision = None
branch_labels = ("auth",)
depends_on = ("base_0001",)


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
        sa.PrimaryKeyConstraint("user_id", "id", name="sessions_pkey"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    ddl.protect("sessions", "user_id", Ownership.USER)
    ddl.grant("sessions", app=("select", "insert", "update"), worker=("select", "delete"))
    ddl.worker_policy("sessions")
    ddl.notify_access("sessions", "user_id", watched=("revoked_at",))


def downgrade() -> None:
    op.drop_table("sessions")

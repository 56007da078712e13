"""Create one-time tickets of connections. A row holds the digest of a ticket; using it deletes the row."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "auth_003"
down_revision = "auth_002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_tickets",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid),
        sa.Column("origin", text()),
        sa.Column("token_expires_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="event_tickets_pkey"),
    )
    op.create_index("ix_event_tickets_user_id", "event_tickets", ["user_id"])
    op.create_index("ix_event_tickets_expires_at", "event_tickets", ["expires_at"])
    ddl.grant("event_tickets", app=("select", "insert", "delete"), worker=("select", "delete"))


def downgrade() -> None:
    op.drop_table("event_tickets")

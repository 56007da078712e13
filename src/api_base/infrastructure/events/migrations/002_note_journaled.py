"""Note which events connected clients have before a broker has them."""

import sqlalchemy as sa
from alembic import op

revision = "events_002"
down_revision = "events_001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("journaled", sa.Boolean, nullable=False, server_default=sa.text("false")))
    unjournaled = sa.text("not published and not journaled")
    op.create_index("ix_outbox_unjournaled", "outbox", ["sequence", "shard"], postgresql_where=unjournaled)


def downgrade() -> None:
    op.drop_index("ix_outbox_unjournaled")
    op.drop_column("outbox", "journaled")

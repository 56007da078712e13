"""Create sequences: the last number of each name in each tenant."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text

revision = "sequences_001"
down_revision = None
branch_labels = ("sequences",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "sequences",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="sequences_pkey"),
    )
    ddl.protect("sequences")
    ddl.grant("sequences", app=("select", "insert", "update"))


def downgrade() -> None:
    op.drop_table("sequences")

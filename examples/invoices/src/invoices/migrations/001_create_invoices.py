"""Create invoices, with the policy that shows each tenant its own."""

import sqlalchemy as sa
from alembic import op

from api_base import ddl, timestamp

revision = "invoices_001"
down_revision = None
branch_labels = ("invoices",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "invoices",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("item_id", sa.Uuid, nullable=False),
        sa.Column("fee_cents", sa.BigInteger, nullable=False),
        sa.Column("paid_at", timestamp()),
        sa.Column("version", sa.Integer, nullable=False),
    )
    ddl.protect("invoices")
    ddl.grant("invoices", app=ddl.READ_WRITE)


def downgrade() -> None:
    op.drop_table("invoices")

"""Effects of the chaos's subscribers. Rows are added and never changed."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text

revision = "chaos_001"
down_revision = None
branch_labels = ("chaos",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.execute("create sequence chaos_effects_position")
    op.create_table(
        "chaos_effects",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subscription", text(), nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("aggregate_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False, server_default=sa.text("nextval('chaos_effects_position')")),
    )
    ddl.protect("chaos_effects")
    ddl.grant("chaos_effects", app=("select", "insert"))
    op.execute(f"grant usage on sequence chaos_effects_position to {ddl.quoted(ddl.roles().app)}")


def downgrade() -> None:
    op.drop_table("chaos_effects")
    op.execute("drop sequence chaos_effects_position")

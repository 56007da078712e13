"""Create goods."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text

revision = "shop_001"
down_revision = None
branch_labels = ("shop",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "goods",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", text(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    ddl.protect("goods")
    ddl.grant("goods", app=ddl.READ_WRITE)
    op.create_table(
        "leaflets",
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("author_id", sa.Uuid, nullable=False),
        sa.Column("printed", sa.Boolean, nullable=False),
    )
    ddl.protect("leaflets", public="printed", own="author_id", visitors_write=True)
    ddl.grant("leaflets", app=("select",))


def downgrade() -> None:
    op.drop_table("leaflets")
    op.drop_table("goods")

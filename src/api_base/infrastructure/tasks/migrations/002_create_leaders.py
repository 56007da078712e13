"""Create the table that fences the leaders of work that one worker at a time does."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text

revision = "tasks_002"
down_revision = "tasks_001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leaders",
        sa.Column("name", text(), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="leaders_pkey"),
    )
    ddl.grant("leaders", worker=("select", "insert", "update"))


def downgrade() -> None:
    op.drop_table("leaders")

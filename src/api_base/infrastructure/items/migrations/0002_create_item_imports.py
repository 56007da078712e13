"""Files uploaded to be imported, with the journal of each. The worker clears away what is too old."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "items_0002"
down_revision = "items_0001"
branch_labels = None
depends_on = None

COUNTED = ("done", "created", "updated", "unchanged", "refused")


def upgrade() -> None:
    op.create_table(
        "item_imports",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("form", text(), nullable=False),
        sa.Column("maps", ARRAY(text()), nullable=False),
        sa.Column("constants", ARRAY(text()), nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("created_at", timestamp(), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False, server_default="0") for name in COUNTED),
        sa.Column("refused_rows", JSONB, nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="item_imports_pkey"),
        sa.CheckConstraint("form in ('csv', 'json', 'jsonl')", name="ck_item_imports_form"),
    )
    op.execute("create index ix_item_imports_created_at on item_imports (created_at)")
    ddl.protect("item_imports")
    ddl.worker_policy("item_imports")
    ddl.grant("item_imports", app=("select", "insert"), worker=("select", "delete"))
    op.execute(f"grant update ({', '.join(COUNTED)}, refused_rows, content) on item_imports to {ddl.quoted(ddl.roles().app)}")


def downgrade() -> None:
    op.drop_table("item_imports")

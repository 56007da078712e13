"""Create imports: files with their progress. The worker deletes those that are too old."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "importing_001"
down_revision = None
branch_labels = ("importing",)
depends_on = ("base_001",)

COUNTS = ("rows_done", "created", "updated", "unchanged", "refused")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", text(), nullable=False),
        sa.Column("format", text(), nullable=False),
        sa.Column("dialect", JSONB, nullable=False),
        sa.Column("maps", ARRAY(text()), nullable=False),
        sa.Column("constants", ARRAY(text()), nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("source", text()),
        sa.Column("created_at", timestamp(), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False, server_default="0") for name in COUNTS),
        sa.Column("refused_rows", JSONB, nullable=False, server_default="[]"),
        sa.Column("refused_file", JSONB),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="imports_pkey"),
        sa.CheckConstraint("format in ('csv', 'json', 'jsonl')", name="ck_imports_format"),
    )
    op.create_index("uq_imports_source", "imports", ["tenant_id", "source"], unique=True)
    op.execute("create index ix_imports_created_at on imports (created_at)")
    ddl.protect("imports")
    ddl.worker_policy("imports")
    ddl.grant("imports", app=("select", "insert"), worker=("select", "delete"))
    op.execute(
        f"grant update ({', '.join(COUNTS)}, refused_rows, refused_file, content, source) on imports to {ddl.quoted(ddl.roles().app)}"
    )


def downgrade() -> None:
    op.drop_table("imports")

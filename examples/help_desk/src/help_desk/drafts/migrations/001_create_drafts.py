"""Create drafts."""

import sqlalchemy as sa
from alembic import op

from api_base import ddl, text, timestamp

revision = "drafts_001"
down_revision = None
branch_labels = ("drafts",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("title", text(), nullable=False),
        sa.Column("body", text(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id"),
    )
    ddl.protect("drafts", "user_id", ddl.Ownership.USER)
    ddl.grant("drafts", app=ddl.READ_WRITE)
    op.create_index(
        "ix_drafts_user_id_created_at",
        "drafts",
        ["user_id", "created_at", "id"],
    )
    op.create_index(
        "ix_drafts_user_id_title_created_at",
        "drafts",
        ["user_id", "title", "created_at", "id"],
    )


def downgrade() -> None:
    op.drop_table("drafts")

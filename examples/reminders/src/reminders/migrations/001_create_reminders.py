"""Create reminders."""

import sqlalchemy as sa
from alembic import op

from api_base import ddl, not_searchable, searchable, text, timestamp

revision = "reminders_001"
down_revision = None
branch_labels = ("reminders",)
depends_on = ("base_001", "text_search_001")


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("title", text(), nullable=False),
        sa.Column("body", text(), nullable=False),
        sa.Column("status", text(), nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("budget_minor", sa.BigInteger),
        sa.Column("budget_currency", text()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.Column("deleted_at", timestamp()),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    ddl.protect("reminders")
    ddl.grant("reminders", app=ddl.READ_WRITE)
    op.create_index(
        "ix_reminders_tenant_id_budget_currency_budget_minor_created_at",
        "reminders",
        ["tenant_id", "budget_currency", "budget_minor", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_budget_currency_created_at",
        "reminders",
        ["tenant_id", "budget_currency", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_created_at",
        "reminders",
        ["tenant_id", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_deleted_at_created_at",
        "reminders",
        ["tenant_id", "deleted_at", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_due_on_created_at",
        "reminders",
        ["tenant_id", "due_on", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_due_on_created_at_descending",
        "reminders",
        [
            "tenant_id",
            sa.literal_column("due_on DESC NULLS LAST"),
            sa.literal_column("created_at DESC"),
            sa.literal_column("id DESC"),
        ],
    )
    op.create_index(
        "ix_reminders_tenant_id_pinned_created_at",
        "reminders",
        ["tenant_id", "pinned", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_status_created_at",
        "reminders",
        ["tenant_id", "status", "created_at", "id"],
    )
    op.create_index(
        "ix_reminders_tenant_id_title_created_at",
        "reminders",
        ["tenant_id", "title", "created_at", "id"],
    )
    searchable("reminders", "title", "body")


def downgrade() -> None:
    not_searchable("reminders")
    op.drop_table("reminders")

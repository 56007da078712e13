"""Create tickets."""

import sqlalchemy as sa
from alembic import op

from api_base import ddl, not_searchable, searchable, text, timestamp

revision = "tickets_001"
down_revision = None
branch_labels = ("tickets",)
depends_on = ("base_001", "text_search_001")


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("title", text(), nullable=False),
        sa.Column("body", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("team_id", sa.Uuid),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    ddl.protect("tickets", own="user_id", visitors_write=True)
    ddl.grant("tickets", app=ddl.READ_WRITE)
    op.create_index(
        "ix_tickets_tenant_id_created_at",
        "tickets",
        ["tenant_id", "created_at", "id"],
    )
    op.create_index(
        "ix_tickets_tenant_id_number_created_at",
        "tickets",
        ["tenant_id", "number", "created_at", "id"],
    )
    op.create_index(
        "ix_tickets_tenant_id_state_created_at",
        "tickets",
        ["tenant_id", "state", "created_at", "id"],
    )
    op.create_index(
        "ix_tickets_tenant_id_team_id_created_at",
        "tickets",
        ["tenant_id", "team_id", "created_at", "id"],
    )
    searchable("tickets", "title", "body")


def downgrade() -> None:
    not_searchable("tickets")
    op.drop_table("tickets")

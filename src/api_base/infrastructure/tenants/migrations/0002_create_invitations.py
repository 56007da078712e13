"""Invitations into tenants. The worker clears away those that ended."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "tenants_0002"
down_revision = "tenants_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", text(), nullable=False),
        sa.Column("role", text(), nullable=False),
        sa.Column("language", text(), nullable=False),
        sa.Column("invited_by", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.Column("accepted_at", timestamp()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="invitations_pkey"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_invitations_tenant_id"),
    )
    op.create_index("ix_invitations_created_at", "invitations", ["tenant_id", "created_at", "id"])
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])
    ddl.protect("invitations")
    ddl.worker_policy("invitations")
    ddl.grant("invitations", app=ddl.READ_WRITE, worker=("select", "delete"))


def downgrade() -> None:
    op.drop_table("invitations")

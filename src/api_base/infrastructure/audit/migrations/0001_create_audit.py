"""The audit trail: `app` adds to it and reads its tenant's part, and can neither change nor delete."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "audit_0001"
down_revision = None
branch_labels = ("audit",)
depends_on = ("base_0001",)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid),
        sa.Column("at", timestamp(), nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("request_id", text(), nullable=False),
        sa.Column("trace_id", text(), nullable=False),
        sa.Column("address", text(), nullable=False),
        sa.Column("action", text(), nullable=False),
        sa.Column("entity", text(), nullable=False),
        sa.Column("entity_id", sa.Uuid),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.PrimaryKeyConstraint("id", name="audit_pkey"),
    )
    op.create_index("ix_audit_tenant_id_at", "audit", ["tenant_id", "at", "id"])
    mine = f"tenant_id = {ddl.current_owner(Ownership.TENANT)}"
    app = ddl.roles().app
    ddl.force("audit")
    ddl.policy("audit", "audit_app_reads", to=app, command="select", using=mine)
    ddl.policy("audit", "audit_app_adds", to=app, command="insert", check=f"tenant_id is null or {mine}")
    ddl.grant("audit", app=("select", "insert"))


def downgrade() -> None:
    op.drop_table("audit")

"""Create tenants, memberships and invitations. Users read their own memberships in every tenant; a change notifies every process."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership, text, timestamp

revision = "tenants_001"
down_revision = None
branch_labels = ("tenants",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", text(), nullable=False),
        sa.Column("slug", text(), nullable=False),
        sa.Column("personal", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="tenants_pkey"),
        sa.UniqueConstraint("slug", name="uq_tenants_slug"),
    )
    op.create_table(
        "memberships",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("role", text(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="memberships_pkey"),
        sa.UniqueConstraint("tenant_id", "user_id", name="uq_memberships_tenant_id_user_id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_memberships_tenant_id"),
    )
    op.create_index("ix_memberships_created_at", "memberships", ["tenant_id", "created_at", "id"])
    op.create_index("ix_memberships_role", "memberships", ["tenant_id", "role", "created_at", "id"])
    op.create_index("ix_memberships_user_id", "memberships", ["user_id", "created_at"])
    ddl.protect("tenants", "id")
    ddl.protect("memberships")
    ddl.also_readable("memberships", "user_id", Ownership.USER)
    mine = f"exists (select from memberships m where m.tenant_id = tenants.id and m.user_id = {ddl.current_owner(Ownership.USER)})"
    ddl.policy("tenants", "tenants_app_by_membership", to=ddl.roles().app, command="select", using=mine)
    ddl.grant("tenants", app=("select", "insert", "update"))
    ddl.grant("memberships", app=ddl.READ_WRITE)
    ddl.notify_access("memberships", "user_id")
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
    pending = sa.text("accepted_at is null")
    op.create_index("uq_invitations_pending", "invitations", ["tenant_id", "email"], unique=True, postgresql_where=pending)
    op.create_index("ix_invitations_invited_by", "invitations", ["invited_by"])
    op.create_index("ix_invitations_created_at", "invitations", ["tenant_id", "created_at", "id"])
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])
    ddl.protect("invitations")
    ddl.also_readable("invitations", "invited_by", Ownership.USER)
    ddl.worker_policy("invitations")
    ddl.grant("invitations", app=ddl.READ_WRITE, worker=("select", "delete"))


def downgrade() -> None:
    op.drop_table("invitations")
    op.execute("drop policy tenants_app_by_membership on tenants")
    op.drop_table("memberships")
    op.drop_table("tenants")

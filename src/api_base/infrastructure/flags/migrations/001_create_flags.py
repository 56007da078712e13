"""Create feature flags, proposals to change them, and the times of their last evaluations. A change notifies every process."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "flags_001"
down_revision = None
branch_labels = ("flags",)
depends_on = ("base_001",)

NEVER_DELETED = ("select", "insert", "update")


def upgrade() -> None:
    op.create_table(
        "flags",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("key", text(), nullable=False),
        sa.Column("definition", JSONB, nullable=False),
        sa.Column("description", text(), nullable=False),
        sa.Column("owner", text(), nullable=False),
        sa.Column("protected", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("tracked", sa.Boolean, nullable=False),
        sa.Column("stale_after", timestamp()),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="flags_pkey"),
        sa.UniqueConstraint("key", name="uq_flags_key"),
    )
    op.create_table(
        "flag_proposals",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("flag_id", sa.Uuid, nullable=False),
        sa.Column("flag_version", sa.Integer, nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        sa.Column("changes", JSONB, nullable=False),
        sa.Column("status", text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid, nullable=False),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("decided_at", timestamp()),
        sa.PrimaryKeyConstraint("id", name="flag_proposals_pkey"),
        sa.ForeignKeyConstraint(["flag_id"], ["flags.id"], name="fk_flag_proposals_flag_id"),
    )
    op.create_index("ix_flag_proposals_flag_id", "flag_proposals", ["flag_id", "created_at", "id"])
    op.create_index("ix_flag_proposals_status", "flag_proposals", ["status", "created_at", "id"])
    op.create_index("ix_flag_proposals_created_at", "flag_proposals", ["created_at", "id"])
    op.create_table(
        "flag_evaluations",
        sa.Column("flag_id", sa.Uuid, nullable=False),
        sa.Column("last_evaluated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("flag_id", name="flag_evaluations_pkey"),
        sa.ForeignKeyConstraint(["flag_id"], ["flags.id"], name="fk_flag_evaluations_flag_id"),
    )
    op.execute(
        """
        create function notify_flags() returns trigger language plpgsql as $$
        begin
            perform pg_notify('flags_changed', '');
            return null;
        end $$
        """
    )
    op.execute("create trigger flags_changed after insert or update or delete on flags for each statement execute function notify_flags()")
    for table in ("flags", "flag_proposals", "flag_evaluations"):
        ddl.grant(table, app=NEVER_DELETED)


def downgrade() -> None:
    op.drop_table("flag_evaluations")
    op.drop_table("flag_proposals")
    op.drop_table("flags")
    op.execute("drop function notify_flags")

"""Tables of the context `flags`. They belong to the whole installation: no tenant reads or writes them."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from api_base.infrastructure.db.schema import DIFFERENCE, system_owned, text, timestamp

METADATA: Final = sa.MetaData()

NEVER_DELETED: Final = ("SELECT", "INSERT", "UPDATE")

FLAGS: Final = system_owned(
    "flags",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("key", text(), nullable=False),
    sa.Column("definition", JSONB, nullable=False, info=DIFFERENCE),
    sa.Column("description", text(), nullable=False),
    sa.Column("owner", text(), nullable=False),
    sa.Column("protected", sa.Boolean, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("tracked", sa.Boolean, nullable=False),
    sa.Column("stale_after", timestamp()),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
    sa.UniqueConstraint("key", name="uq_flags_key"),
    privileges=NEVER_DELETED,
)

FLAG_PROPOSALS: Final = system_owned(
    "flag_proposals",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
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
    sa.ForeignKeyConstraint(["flag_id"], ["flags.id"], name="fk_flag_proposals_flag_id"),
    sa.Index("ix_flag_proposals_flag_id", "flag_id", "created_at", "id"),
    sa.Index("ix_flag_proposals_status", "status", "created_at", "id"),
    sa.Index("ix_flag_proposals_created_at", "created_at", "id"),
    privileges=NEVER_DELETED,
)

FLAG_EVALUATIONS: Final = system_owned(
    "flag_evaluations",
    METADATA,
    sa.Column("flag_id", sa.Uuid, primary_key=True),
    sa.Column("last_evaluated_at", timestamp(), nullable=False),
    sa.ForeignKeyConstraint(["flag_id"], ["flags.id"], name="fk_flag_evaluations_flag_id"),
    privileges=NEVER_DELETED,
)
"""When a flag was last evaluated, to within an hour. Each process writes it for the flags that it evaluates."""

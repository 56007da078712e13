"""The table of imports."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db.schema import tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

IMPORTS: Final = tenant_owned(
    "imports",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", text(), nullable=False),
    sa.Column("format", text(), nullable=False),
    sa.Column("dialect", JSONB, nullable=False),
    sa.Column("maps", ARRAY(text()), nullable=False),
    sa.Column("constants", ARRAY(text()), nullable=False),
    sa.Column("file_id", sa.Uuid),
    sa.Column("source", text()),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("rows_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created", sa.Integer, nullable=False, server_default="0"),
    sa.Column("updated", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unchanged", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refused", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refused_rows", JSONB, nullable=False, server_default="[]"),
    sa.Column("refused_file", JSONB),
    sa.CheckConstraint("format in ('csv', 'json', 'jsonl')", name="ck_imports_format"),
    sa.Index("uq_imports_source", "tenant_id", "source", unique=True),
)
"""The progress of imports: a stored file has a `file_id`, a file of the command line a `source`; both are null once all
rows are imported. `rows_done` is the number of the last row that is imported.
"""

"""Tables of the context `search`: the documents of all indexes, in generations."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db.schema import system_owned, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

SEARCH_GENERATIONS: Final = system_owned(
    "search_generations",
    METADATA,
    sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("index_name", text(), nullable=False),
    sa.Column("state", text(), nullable=False),
    sa.Column("digest", text(), nullable=False),
    sa.Column("languages", ARRAY(text()), nullable=False),
    sa.Column("weights", ARRAY(sa.REAL), nullable=False),
    sa.UniqueConstraint("index_name", "state", name="uq_search_generations_index_name_state"),
)

SEARCH_DOCUMENTS: Final = tenant_owned(
    "search_documents",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("digest", text(), nullable=False),
    sa.Column("title", text()),
    sa.Column("title_key", text()),
    sa.Column("document", JSONB(none_as_null=True)),
    sa.Column("written_at", timestamp(), nullable=False, server_default=sa.func.now()),
)
"""A tombstone has no title and no document. The column `words`, a tsvector, is read by functions only."""

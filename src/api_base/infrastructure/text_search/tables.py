"""The words of each tenant."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import tenant_owned, text

METADATA: Final = sa.MetaData()

SEARCH_WORDS: Final = tenant_owned(
    "search_words",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, nullable=False),
    sa.Column("source", text(), nullable=False),
    sa.Column("word", text(), nullable=False),
)
"""The words that occur, or occurred, in the documents of a tenant, by the table or generation that holds them: what a mistyped word may stand for."""

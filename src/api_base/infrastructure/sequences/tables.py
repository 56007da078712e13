"""The table of sequences: the last number of each name in each tenant."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import tenant_owned, text

METADATA: Final = sa.MetaData()

SEQUENCES: Final = tenant_owned(
    "sequences",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("name", text(), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
    privileges=("SELECT", "INSERT", "UPDATE"),
)

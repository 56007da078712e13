"""The table of invoices. The attributes of the aggregate are its columns."""

import sqlalchemy as sa

from api_base import Database, SqlRepository, aggregate_mapping, request_tenant, tenant_owned, timestamp
from invoices.invoicing import Invoice

TABLE = tenant_owned(
    "invoices",
    sa.MetaData(),
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.Uuid, nullable=False),
    sa.Column("fee_cents", sa.BigInteger, nullable=False),
    sa.Column("paid_at", timestamp()),
    sa.Column("version", sa.Integer, nullable=False),
)
MAPPING = aggregate_mapping(Invoice, TABLE)


def repository(database: Database) -> SqlRepository[Invoice]:
    return SqlRepository(database, MAPPING, request_tenant)

"""Tables of the context `items`. Money is stored in minor units: comparisons of `numeric` are not leakproof, so with a policy no index serves them.

Lists filter and sort by the first price, which has columns of its own. `further_prices` are the others, as objects of `minor` and `currency`; null
without any.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db.schema import tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

ITEMS: Final = tenant_owned(
    "items",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sku", text(), nullable=False),
    sa.Column("name", text(), nullable=False),
    sa.Column("description", text(), nullable=False),
    sa.Column("price_minor", sa.BigInteger),
    sa.Column("price_currency", text()),
    sa.Column("category", text(), nullable=False),
    sa.Column("tags", ARRAY(text()), nullable=False),
    sa.Column("attributes", JSONB, nullable=False),
    sa.Column("status", text(), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
    sa.Column("deleted_at", timestamp()),
    sa.Column("further_prices", JSONB),
    sa.UniqueConstraint("tenant_id", "sku", name="uq_items_tenant_id_sku"),
    sa.CheckConstraint("(price_minor is null) = (price_currency is null)", name="ck_items_price"),
    sa.CheckConstraint("further_prices is null or price_minor is not null", name="ck_items_further_prices"),
)

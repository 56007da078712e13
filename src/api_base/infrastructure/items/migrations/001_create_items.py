"""Create items, with an index for each declared sort and filter and for text search."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "items_001"
down_revision = None
branch_labels = ("items",)
depends_on = ("base_001",)

NOT_DELETED = "deleted_at is null"
DELETED = "deleted_at is not null"

SEARCHED = """lower((sku || ' ' || name || ' ' || category || ' ' || description) collate "default")"""
"""The text that `q` searches. The columns have the collation "C", which lowers ASCII only, so the search uses the database's own."""

PATTERN = r"""'%' || replace(regexp_replace(lower(query collate "default"), '([\\%_])', '\\\1', 'g'), ' ', '%') || '%'"""
"""Matches the words of `query` in their order, with any text between them."""


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
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
        sa.PrimaryKeyConstraint("tenant_id", "id", name="items_pkey"),
        sa.UniqueConstraint("tenant_id", "sku", name="uq_items_tenant_id_sku"),
        sa.CheckConstraint("(price_minor is null) = (price_currency is null)", name="ck_items_price"),
    )
    for columns in ((), ("updated_at",), ("name",), ("category",), ("status",), ("price_currency",), ("price_currency", "price_minor")):
        _index(*columns, "created_at")
    _index("created_at", of=DELETED)
    _index("deleted_at", "created_at", of=DELETED)
    op.execute(f"create index ix_items_search on items using gin (tenant_id, ({SEARCHED}) gin_trgm_ops)")
    ddl.protect("items")
    ddl.grant("items", app=ddl.READ_WRITE)
    ddl.search_function("search_items", "items", condition=f"{SEARCHED} like {PATTERN}", columns=("sku", "name", "category", "description"))


def downgrade() -> None:
    op.execute("drop function search_items(uuid, text)")
    op.drop_table("items")


def _index(*columns: str, of: str = NOT_DELETED) -> None:
    """An index for pages sorted by `columns`, in either direction, or by the last column where filters fix the others. The id breaks ties."""
    name = f"ix_items_tenant_id_{'_'.join(columns)}" + ("_deleted" if of == DELETED else "")
    op.create_index(name, "items", ["tenant_id", *columns, "id"], postgresql_where=sa.text(of))

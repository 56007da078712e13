"""The documents of items, for the search index."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.search import SearchSource
from api_base.application.items.search import ITEMS as INDEX
from api_base.core.protocols import SearchDocument
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.items.tables import ITEMS
from api_base.infrastructure.serialization.json_codec import decode

_FIRST: Final = UUID(int=0)
_TENANTS: Final = "select item_tenants($1, $2)"


class ItemDocuments(SearchSource):
    """Reads as the role `app`, for the tenant of each call; the tenants as the role `worker`."""

    def __init__(self, database: Database, worker_database: Database) -> None:
        self._database, self._worker = database, worker_database
        mine = sa.select(ITEMS).where(owned(ITEMS))
        self._by_ids = Statement(mine.where(ITEMS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))))
        after, limit = sa.bindparam("after", type_=sa.Uuid), sa.bindparam("limit", type_=sa.Integer)
        self._page = Statement(mine.where(ITEMS.c.id > after).order_by(ITEMS.c.id).limit(limit))

    async def load(self, tenant: UUID, ids: Sequence[UUID]) -> Sequence[SearchDocument]:
        """Return the documents of those of `ids` that have a row."""
        return [_document(row) for row in await self._database.fetch(self._by_ids, tenant, ids=list(ids))]

    async def tenants(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Return the first tenants after `after` that have items."""
        rows = await self._worker.run(lambda connection: connection.fetch(_TENANTS, after or _FIRST, limit))
        return [row[0] for row in rows]

    async def page(self, tenant: UUID, after: UUID | None, limit: int) -> Sequence[SearchDocument]:
        """Return the tenant's first documents after the id `after`."""
        return [_document(row) for row in await self._database.fetch(self._page, tenant, after=after or _FIRST, limit=limit)]


def _document(row: Row) -> SearchDocument:
    values: Mapping[str, Any] | None = None
    if row["deleted_at"] is None:
        values = {
            "name": row["name"],
            "description": row["description"],
            "sku": row["sku"],
            "category": row["category"],
            "tags": tuple(row["tags"]),
            "attributes": "\n".join(_texts(decode(row["attributes"]))),
            "status": row["status"],
            "price": row["price_minor"],
            "currency": row["price_currency"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
        }
    return SearchDocument(index=INDEX, tenant_id=row["tenant_id"], id=row["id"], version=row["version"], values=values)


def _texts(value: object) -> Iterator[str]:
    """The texts anywhere in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)

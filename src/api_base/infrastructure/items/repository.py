"""The repository of items."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.core.types import request_tenant
from api_base.domain.items.entities import Item
from api_base.domain.items.repository import ItemRepository
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.items.mapper import MAPPING
from api_base.infrastructure.items.tables import ITEMS


class SqlItemRepository(SqlRepository[Item], ItemRepository):
    """For the tenant of the current request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, request_tenant)
        self._by_skus = self.statement(ITEMS.c.sku == sa.any_(sa.bindparam("skus", type_=ARRAY(sa.Text))))
        self._by_ids = self.statement(ITEMS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid))))

    async def by_skus(self, skus: Sequence[str]) -> dict[str, Item]:
        return {item.details.sku: item for item in await self.find_all(self._by_skus, request_tenant(), skus=list(skus))}

    async def by_ids(self, ids: Sequence[UUID]) -> dict[UUID, Item]:
        return {item.id: item for item in await self.find_all(self._by_ids, request_tenant(), ids=list(ids))}

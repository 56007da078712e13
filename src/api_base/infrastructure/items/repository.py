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
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.items.mapper import MAPPING
from api_base.infrastructure.items.tables import ITEMS


class SqlItemRepository(SqlRepository[Item], ItemRepository):
    """For the tenant of the current request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, request_tenant)
        self._by_skus, self._by_ids = self.among("sku"), self.among("id")
        these = ITEMS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        self._by_ids_locked = Statement(sa.select(ITEMS).where(owned(ITEMS), these).order_by(ITEMS.c.id).with_for_update())

    async def by_skus(self, skus: Sequence[str]) -> dict[str, Item]:
        return {item.details.sku: item for item in await self._by_skus(skus)}

    async def by_ids(self, ids: Sequence[UUID], *, locked: bool = False) -> dict[UUID, Item]:
        if not locked:
            return {item.id: item for item in await self._by_ids(ids)}
        open_unit().transactional = True
        return {item.id: item for item in await self.find_all(self._by_ids_locked, request_tenant(), ids=list(ids))}

"""Queries of items: rows become DTOs directly, without the aggregate."""

from collections.abc import Hashable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.listing import ListRequest, Page
from api_base.application.common.money import MoneyDTO
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import ITEM_FIELDS, GetItem, GetItemsByIds, ListItems
from api_base.core.errors import NotFound
from api_base.core.types import request_tenant
from api_base.domain.common.value_objects import decimal_text
from api_base.domain.items.value_objects import ItemStatus
from api_base.infrastructure.db.query_builder import PageBuilder, TextSearch
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.items.mapper import prices_of
from api_base.infrastructure.items.tables import ITEMS
from api_base.infrastructure.serialization.json_codec import decode

COLUMNS: Final = {
    "sku": ITEMS.c.sku,
    "name": ITEMS.c.name,
    "category": ITEMS.c.category,
    "status": ITEMS.c.status,
    "tags": ITEMS.c.tags,
    "price.amount": ITEMS.c.price_minor,
    "price.currency": ITEMS.c.price_currency,
    "created_at": ITEMS.c.created_at,
    "updated_at": ITEMS.c.updated_at,
    "deleted_at": ITEMS.c.deleted_at,
}

_STATUS: Final = {status.value: status for status in ItemStatus}
_NOT_DELETED: Final = ITEMS.c.deleted_at.is_(None)


def to_dto(row: Row) -> ItemDTO:
    return ItemDTO(
        id=row["id"],
        sku=row["sku"],
        name=row["name"],
        description=row["description"],
        prices=_prices(row),
        category=row["category"],
        tags=row["tags"],
        attributes=decode(row["attributes"]),
        status=_STATUS[row["status"]],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
    )


def _prices(row: Row) -> tuple[MoneyDTO, ...]:
    """Most items have one price or none: a list makes it without the value object."""
    minor: int | None = row["price_minor"]
    if minor is None:
        return ()
    if row["further_prices"] is not None:
        return tuple(map(MoneyDTO.of, prices_of(row)))
    currency: str = row["price_currency"]
    return (MoneyDTO(amount=decimal_text(minor, currency), currency=currency),)


def _base(request: ListRequest) -> tuple[Hashable, sa.ColumnElement[bool] | None]:
    asked = "deleted_at" in request.filtered
    return asked, None if asked else _NOT_DELETED


class GetItemHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = Statement(sa.select(ITEMS).where(owned(ITEMS), ITEMS.c.id == sa.bindparam("id", type_=sa.Uuid), _NOT_DELETED))

    async def handle(self, query: GetItem) -> ItemDTO:
        """The item. Raises `NotFound`, also for a deleted item."""
        row = await self._database.fetchrow(self._statement, request_tenant(), id=query.id)
        if row is None:
            raise NotFound("item", query.id)
        return to_dto(row)


class GetItemsByIdsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        named = ITEMS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        self._statement = Statement(sa.select(ITEMS).where(owned(ITEMS), named, _NOT_DELETED))

    async def handle(self, query: GetItemsByIds) -> Sequence[ItemDTO]:
        return [to_dto(row) for row in await self._database.fetch(self._statement, request_tenant(), ids=list(query.ids))]


class ListItemsHandler:
    """`candidates` is the number of items that a search ranks at most: see the function `search_items` in the migrations."""

    def __init__(self, database: Database, candidates: int = 1000) -> None:
        search = TextSearch(function="search_items", candidates=candidates)
        self.pages = PageBuilder(database, ITEMS, ITEM_FIELDS, COLUMNS, to_dto, base=_base, search=search)

    async def handle(self, query: ListItems) -> Page[ItemDTO]:
        """A page of items. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, request_tenant())

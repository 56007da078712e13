"""Queries of items. Their handlers are adapters: infrastructure/items/queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Query
from api_base.application.common.listing import EQUALITY, ORDER, TEXT, UNINDEXED, Field, Fields, ListRequest, Page, Sort
from api_base.application.common.money import money_fields
from api_base.application.items import permissions
from api_base.application.items.dtos import ItemDTO
from api_base.domain.common.specification import ComparisonOperator
from api_base.domain.common.text import key
from api_base.domain.items.value_objects import ItemStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GetItem(Query[ItemDTO]):
    permission = permissions.READ
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetItemsByIds(Query[Sequence[ItemDTO]]):
    """Those of the items that exist, in any order. As in `GetItem`, deleted items do not."""

    permission = permissions.READ
    ids: tuple[UUID, ...]


_CONTAINS: Final = frozenset({ComparisonOperator.CONTAINS})
_IS_NULL: Final = frozenset({ComparisonOperator.IS_NULL})

_TIME_SCANS: Final = UNINDEXED | {ComparisonOperator.IN}
"""With many small tenants, PostgreSQL estimates that scanning any index of the tenant is cheaper than looking up several times."""


ITEM_FIELDS: Final = Fields(
    Field(name="sku", kind=str, operators=TEXT, sortable=True, stored_form=key),
    Field(name="name", kind=str, operators=TEXT, sortable=True),
    Field(name="category", kind=str, operators=TEXT, sortable=True, stored_form=key),
    Field(name="status", kind=str, operators=EQUALITY, choices=tuple(status.value for status in ItemStatus)),
    Field(name="tags", kind=str, operators=_CONTAINS, stored_form=key),
    *money_fields("price"),
    Field(name="created_at", kind=datetime, operators=ORDER, sortable=True, scan=_TIME_SCANS),
    Field(name="updated_at", kind=datetime, operators=ORDER, sortable=True, scan=_TIME_SCANS),
    Field(name="deleted_at", kind=datetime, operators=ORDER | _IS_NULL, scan=_TIME_SCANS),
    default_sort=(Sort(field="created_at", descending=True),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListItems(Query[Page[ItemDTO]]):
    """The tenant's items: filtered, sorted, searched, in pages. Deleted items appear only with a filter on `deleted_at`."""

    permission = permissions.READ
    request: ListRequest

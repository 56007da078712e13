"""Map an item to its row and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api_base.core.types import TenantId
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import Item, ItemDetails
from api_base.domain.items.errors import SkuTaken
from api_base.domain.items.value_objects import ItemStatus
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.items.tables import ITEMS
from api_base.infrastructure.serialization.json_codec import decode, encode_strictly


def to_row(item: Item) -> tuple[Any, ...]:
    details = item.details
    minor, currency, further = price_columns(details.prices)
    return (
        item.tenant_id,
        item.id,
        details.sku,
        details.name,
        details.description,
        minor,
        currency,
        details.category,
        list(details.tags),
        encode_strictly(details.attributes).decode(),
        item.status.value,
        item.version,
        item.created_at,
        item.updated_at,
        item.deleted_at,
        further,
    )


def from_row(row: Row) -> Item:
    deleted_at: datetime | None = row["deleted_at"]
    return Item(
        id=row["id"],
        version=row["version"],
        tenant_id=TenantId(row["tenant_id"]),
        details=ItemDetails.stored(
            sku=row["sku"],
            name=row["name"],
            description=row["description"],
            prices=prices_of(row),
            category=row["category"],
            tags=tuple(row["tags"]),
            attributes=decode(row["attributes"]),
        ),
        status=ItemStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=deleted_at,
    )


def price_columns(prices: Sequence[Money]) -> tuple[int | None, str | None, str | None]:
    """Return the values of the columns `price_minor`, `price_currency` and `further_prices`."""
    if not prices:
        return None, None, None
    first, *others = prices
    further = [{"minor": one.minor, "currency": one.currency} for one in others]
    return first.minor, first.currency, encode_strictly(further).decode() if further else None


def prices_of(row: Mapping[str, Any]) -> tuple[Money, ...]:
    """Return the prices in a row."""
    if row["price_minor"] is None:
        return ()
    first, further = Money(minor=row["price_minor"], currency=row["price_currency"]), row["further_prices"]
    return (first,) if further is None else (first, *(Money(**one) for one in decode(further)))


MAPPING = TableMapping[Item](
    entity="item",
    table=ITEMS,
    to_row=to_row,
    from_row=from_row,
    owner=lambda item: item.tenant_id,
    constraint_errors={"uq_items_tenant_id_sku": lambda item: SkuTaken(item.details.sku)},
)

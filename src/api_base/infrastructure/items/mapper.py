"""Map an item to its row and back."""

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
    price = details.price
    return (
        item.tenant_id,
        item.id,
        details.sku,
        details.name,
        details.description,
        None if price is None else price.minor,
        None if price is None else price.currency,
        details.category,
        list(details.tags),
        encode_strictly(details.attributes).decode(),
        item.status.value,
        item.version,
        item.created_at,
        item.updated_at,
        item.deleted_at,
    )


def from_row(row: Row) -> Item:
    minor: int | None = row["price_minor"]
    deleted_at: datetime | None = row["deleted_at"]
    return Item(
        id=row["id"],
        version=row["version"],
        tenant_id=TenantId(row["tenant_id"]),
        details=ItemDetails.stored(
            sku=row["sku"],
            name=row["name"],
            description=row["description"],
            price=None if minor is None else Money(minor=minor, currency=row["price_currency"]),
            category=row["category"],
            tags=tuple(row["tags"]),
            attributes=decode(row["attributes"]),
        ),
        status=ItemStatus(row["status"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=deleted_at,
    )


MAPPING = TableMapping[Item](
    entity="item",
    table=ITEMS,
    to_row=to_row,
    from_row=from_row,
    owner=lambda item: item.tenant_id,
    constraint_errors={"uq_items_tenant_id_sku": lambda item: SkuTaken(item.details.sku)},
)

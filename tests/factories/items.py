"""Items that are valid by default; a test states only what it is about."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from api_base.core.types import TenantId
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import Item, ItemDetails

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_numbers = count(1)


def details(**changes: Any) -> ItemDetails:
    values: dict[str, Any] = {
        "sku": f"SKU-{next(_numbers)}",
        "name": "Chair",
        "description": "Four legs",
        "prices": (Money(minor=1250, currency="EUR"),),
        "category": "furniture",
        "tags": ("wood", "new"),
        "attributes": {"colour": "red"},
    }
    return ItemDetails(**(values | changes))


def item(*, id: UUID | None = None, tenant_id: UUID | None = None, now: datetime = NOW, **changes: Any) -> Item:
    return Item.create(id=id or uuid4(), tenant_id=TenantId(tenant_id or uuid4()), details=details(**changes), now=now)

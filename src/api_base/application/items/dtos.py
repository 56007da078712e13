"""What the outside sees of an item."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api_base.application.common.money import MoneyDTO
from api_base.domain.items.entities import Item
from api_base.domain.items.value_objects import ItemStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDTO:
    id: UUID
    sku: str
    name: str
    description: str
    prices: tuple[MoneyDTO, ...]
    category: str
    tags: tuple[str, ...]
    attributes: Mapping[str, Any]
    status: ItemStatus
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None

    @classmethod
    def of(cls, item: Item) -> "ItemDTO":
        details = item.details
        return cls(
            id=item.id,
            sku=details.sku,
            name=details.name,
            description=details.description,
            prices=tuple(map(MoneyDTO.of, details.prices)),
            category=details.category,
            tags=details.tags,
            attributes=details.attributes,
            status=item.status,
            version=item.version,
            created_at=item.created_at,
            updated_at=item.updated_at,
            deleted_at=item.deleted_at,
        )

"""Events of items."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCreated(DomainEvent):
    name = "items.created.v1"
    tenant_id: UUID
    sku: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChanged(DomainEvent):
    name = "items.changed.v1"
    tenant_id: UUID
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPriceChanged(DomainEvent):
    """Published together with `ItemChanged`. Amounts are in minor units of their currencies (ISO 4217), None without a price; `category`
    is the current one."""

    name = "items.price_changed.v1"
    tenant_id: UUID
    category: str
    before: int | None
    before_currency: str | None
    after: int | None
    after_currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStatusChanged(DomainEvent):
    name = "items.status_changed.v1"
    tenant_id: UUID
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDeleted(DomainEvent):
    name = "items.deleted.v1"
    tenant_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRestored(DomainEvent):
    name = "items.restored.v1"
    tenant_id: UUID

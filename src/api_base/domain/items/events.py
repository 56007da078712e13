"""Events of items."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from api_base.core.base import DomainEvent
from api_base.domain.common.value_objects import Money


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
class ItemPriceChangedV1(DomainEvent):
    """The first price, in minor units of its currency (ISO 4217); None without a price."""

    name = "items.price_changed.v1"
    tenant_id: UUID
    category: str
    before: int | None
    before_currency: str | None
    after: int | None
    after_currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPriceChanged(DomainEvent):
    """Published together with `ItemChanged`. All prices of the item; `category` is the current one."""

    name = "items.price_changed.v2"
    older = ItemPriceChangedV1
    tenant_id: UUID
    category: str
    before: tuple[Money, ...]
    after: tuple[Money, ...]

    @classmethod
    def upcast(cls, older: ItemPriceChangedV1) -> Self:
        before, after = _prices(older.before, older.before_currency), _prices(older.after, older.after_currency)
        return cls(aggregate_id=older.aggregate_id, tenant_id=older.tenant_id, category=older.category, before=before, after=after)

    def downcast(self) -> ItemPriceChangedV1 | None:
        """Return None if another price than the first changed."""
        (before, before_currency), (after, after_currency) = _first(self.before), _first(self.after)
        if (before, before_currency) == (after, after_currency):
            return None
        return ItemPriceChangedV1(
            aggregate_id=self.aggregate_id,
            tenant_id=self.tenant_id,
            category=self.category,
            before=before,
            before_currency=before_currency,
            after=after,
            after_currency=after_currency,
        )


def _first(prices: tuple[Money, ...]) -> tuple[int | None, str | None]:
    return (prices[0].minor, prices[0].currency) if prices else (None, None)


def _prices(minor: int | None, currency: str | None) -> tuple[Money, ...]:
    return () if minor is None or currency is None else (Money(minor=minor, currency=currency),)


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

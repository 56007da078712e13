"""The item: an entry of a tenant's catalogue, with the rules of its life cycle."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.errors import Invalid, Violation
from api_base.core.types import TenantId
from api_base.domain.common.value_objects import Money
from api_base.domain.items import value_objects
from api_base.domain.items.errors import ItemIsDeleted, ItemIsNotDeleted, PriceMissing, TransitionNotAllowed
from api_base.domain.items.events import ItemChanged, ItemCreated, ItemDeleted, ItemPriceChanged, ItemRestored, ItemStatusChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDetails:
    """The data of an item. Valid by construction: raises `Invalid` with all violations."""

    sku: str
    name: str
    description: str = ""
    price: Money | None = None
    category: str
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if violations := list(self._violations()):
            raise Invalid(violations)

    def _violations(self) -> Iterator[Violation]:
        for pointer, value, max_length in (
            ("/sku", self.sku, value_objects.SKU_LENGTH),
            ("/name", self.name, value_objects.NAME_LENGTH),
            ("/category", self.category, value_objects.CATEGORY_LENGTH),
        ):
            if violation := value_objects.text_violation(pointer, value, max_length):
                yield violation
        if self.description and (
            violation := value_objects.text_violation("/description", self.description, value_objects.DESCRIPTION_LENGTH)
        ):
            yield violation
        if self.price is not None and self.price.minor < 0:
            yield Violation("/price/amount", "negative", "must not be negative")
        yield from value_objects.tags_violations(self.tags)
        if self.attributes and (violation := value_objects.attributes_violation(self.attributes)):
            yield violation


@dataclass(slots=True, kw_only=True, eq=False)
class Item(AggregateRoot):
    """Draft → published ⇄ archived; a draft may also be archived. A deleted item must be restored before it can be changed."""

    tenant_id: TenantId
    details: ItemDetails
    status: value_objects.ItemStatus
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @classmethod
    def create(cls, *, id: UUID, tenant_id: TenantId, details: ItemDetails, now: datetime) -> Self:
        item = cls(id=id, tenant_id=tenant_id, details=details, status=value_objects.ItemStatus.DRAFT, created_at=now, updated_at=now)
        item.record(ItemCreated(aggregate_id=id, tenant_id=tenant_id, sku=details.sku))
        return item

    def change(self, now: datetime, **changes: Any) -> bool:
        """Replace some of the details. Returns whether anything changed. Raises `Invalid`, `ItemIsDeleted`, `PriceMissing`."""
        return self.replace(replace(self.details, **changes), now)

    def replace(self, details: ItemDetails, now: datetime) -> bool:
        """Replace all of the details. Returns whether anything changed. Raises `ItemIsDeleted`, `PriceMissing`."""
        self._refuse_deleted()
        if details == self.details:
            return False
        if self.status is value_objects.ItemStatus.PUBLISHED and details.price is None:
            raise PriceMissing
        changed = tuple(sorted(f.name for f in fields(details) if getattr(details, f.name) != getattr(self.details, f.name)))
        before, self.details, self.updated_at = self.details.price, details, now
        self.record(ItemChanged(aggregate_id=self.id, tenant_id=self.tenant_id, fields=changed))
        if before != details.price:
            self._record_price(before)
        return True

    def publish(self, now: datetime) -> None:
        """Make the item public. Raises `PriceMissing`, `TransitionNotAllowed`, `ItemIsDeleted`."""
        self._become(value_objects.ItemStatus.PUBLISHED, now)

    def archive(self, now: datetime) -> None:
        """Withdraw the item and keep its data. Raises `TransitionNotAllowed`, `ItemIsDeleted`."""
        self._become(value_objects.ItemStatus.ARCHIVED, now)

    def delete(self, now: datetime) -> None:
        self._refuse_deleted()
        self.deleted_at = self.updated_at = now
        self.record(ItemDeleted(aggregate_id=self.id, tenant_id=self.tenant_id))

    def restore(self, now: datetime) -> None:
        if self.deleted_at is None:
            raise ItemIsNotDeleted
        self.deleted_at, self.updated_at = None, now
        self.record(ItemRestored(aggregate_id=self.id, tenant_id=self.tenant_id))

    def _record_price(self, before: Money | None) -> None:
        after = self.details.price
        self.record(
            ItemPriceChanged(
                aggregate_id=self.id,
                tenant_id=self.tenant_id,
                category=self.details.category,
                before=None if before is None else before.minor,
                before_currency=None if before is None else before.currency,
                after=None if after is None else after.minor,
                after_currency=None if after is None else after.currency,
            )
        )

    def _become(self, status: value_objects.ItemStatus, now: datetime) -> None:
        self._refuse_deleted()
        if status not in self.status.transitions:
            raise TransitionNotAllowed(self.status, status, " or ".join(self.status.transitions))
        if status is value_objects.ItemStatus.PUBLISHED and self.details.price is None:
            raise PriceMissing
        self.record(ItemStatusChanged(aggregate_id=self.id, tenant_id=self.tenant_id, before=self.status, after=status))
        self.status, self.updated_at = status, now

    def _refuse_deleted(self) -> None:
        if self.deleted_at is not None:
            raise ItemIsDeleted

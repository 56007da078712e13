"""The item: an entry of a tenant's catalogue, with the rules of its life cycle."""

from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.errors import Invalid, Violation
from api_base.core.types import TenantId
from api_base.domain.common.stored_json import stored
from api_base.domain.common.value_objects import Money
from api_base.domain.items.errors import ItemIsDeleted, ItemIsNotDeleted, PriceMissing
from api_base.domain.items.events import ItemChanged, ItemCreated, ItemDeleted, ItemPriceChanged, ItemRestored, ItemStatusChanged
from api_base.domain.items.value_objects import ATTRIBUTES_BYTES, CATEGORY, DESCRIPTION, NAME, PRICES, SKU, TAG, TAGS, ItemStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDetails:
    """The data of an item, in the form in which it is stored. Brings values into that form, or raises `Invalid` with all violations."""

    sku: str
    name: str
    description: str = ""
    prices: tuple[Money, ...] = ()
    category: str
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._enter(_ENTER)

    @classmethod
    def stored(
        cls,
        *,
        sku: str,
        name: str,
        description: str,
        prices: tuple[Money, ...],
        category: str,
        tags: tuple[str, ...],
        attributes: Mapping[str, Any],
    ) -> Self:
        """Load values from storage without a check: a rule that became stricter must not make an item unreadable."""
        details = object.__new__(cls)
        values = (sku, name, description, prices, category, tags, attributes)
        details._set(dict(zip(_ENTER, values, strict=True)))
        return details

    @property
    def price(self) -> Money | None:
        """The first price, by which lists filter and sort; None without prices."""
        return self.prices[0] if self.prices else None

    def changed(self, **changes: Any) -> Self:
        """Return the details with other values for some fields. Only these are checked. Raises `Invalid`."""
        details = copy(self)
        details._set(changes)
        details._enter(changes)
        return details

    def _enter(self, names: Collection[str]) -> None:
        """Bring these fields into the form in which they are stored. Raises `Invalid` with all violations, in the order of the fields."""
        violations: list[Violation] = []
        for name, enter in _ENTER.items():
            if name in names:
                given = getattr(self, name)
                try:
                    value = enter(given)
                except Invalid as error:
                    violations += error.violations
                else:
                    if value is not given:  # most values have that form already
                        object.__setattr__(self, name, value)
        if violations:
            raise Invalid(violations)

    def _set(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _prices(prices: Collection[Money]) -> tuple[Money, ...]:
    """No price is negative, and each has another currency; the number of prices is limited."""
    if len(prices) > PRICES:
        raise Invalid.of("/prices", "too_many", f"has {len(prices)} prices; at most {PRICES} are allowed")
    found: set[str] = set()
    violations: list[Violation] = []
    for position, price in enumerate(prices):
        if price.minor < 0:
            violations.append(Violation(f"/prices/{position}/amount", "negative", "must not be negative"))
        if price.currency in found:
            repeated = f"must not repeat {price.currency}: an item has one price in each currency"
            violations.append(Violation(f"/prices/{position}/currency", "duplicate", repeated))
        found.add(price.currency)
    if violations:
        raise Invalid(violations)
    return tuple(prices)


def _tags(tags: Collection[str]) -> tuple[str, ...]:
    """Each tag is valid text and unique; the number of tags is limited."""
    if len(tags) > TAGS:
        raise Invalid.of("/tags", "too_many", f"has {len(tags)} tags; at most {TAGS} are allowed")
    found: dict[str, None] = {}
    violations: list[Violation] = []
    for position, text in enumerate(tags):
        tag = TAG.read(text, f"/tags/{position}")
        if isinstance(tag, Violation):
            violations.append(tag)
        elif tag in found:
            violations.append(Violation(f"/tags/{position}", "duplicate", f"must not repeat the tag {tag!r}"))
        else:
            found[tag] = None
    if violations:
        raise Invalid(violations)
    return tuple(found)


_ENTER: Final[Mapping[str, Callable[[Any], Any]]] = {
    "sku": partial(SKU.parse, pointer="/sku"),
    "name": partial(NAME.parse, pointer="/name"),
    "description": partial(DESCRIPTION.parse, pointer="/description"),
    "prices": _prices,
    "category": partial(CATEGORY.parse, pointer="/category"),
    "tags": _tags,
    "attributes": lambda value: stored(value, "/attributes", ATTRIBUTES_BYTES) if value else {},
}

_CHANGING: Final = sorted([*_ENTER, "price"])
"""What `ItemChanged` names: the fields, and the first price."""


@dataclass(slots=True, kw_only=True, eq=False)
class Item(AggregateRoot):
    """Draft → published ⇄ archived; a draft may also be archived. A deleted item must be restored before it can be changed."""

    tenant_id: TenantId
    details: ItemDetails
    status: ItemStatus
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @classmethod
    def create(cls, *, id: UUID, tenant_id: TenantId, details: ItemDetails, now: datetime) -> Self:
        item = cls(id=id, tenant_id=tenant_id, details=details, status=ItemStatus.DRAFT, created_at=now, updated_at=now)
        item.record(ItemCreated(aggregate_id=id, tenant_id=tenant_id, sku=details.sku))
        return item

    def change(self, now: datetime, **changes: Any) -> bool:
        """Replace some of the details. Returns whether anything changed. Raises `Invalid`, `ItemIsDeleted`, `PriceMissing`."""
        return self.replace(self.details.changed(**changes), now)

    def replace(self, details: ItemDetails, now: datetime) -> bool:
        """Replace all of the details. Returns whether anything changed. Raises `ItemIsDeleted`, `PriceMissing`."""
        self._refuse_deleted()
        if details == self.details:
            return False
        if self.status is ItemStatus.PUBLISHED and not details.prices:
            raise PriceMissing
        changed = tuple(name for name in _CHANGING if getattr(details, name) != getattr(self.details, name))
        before, self.details, self.updated_at = self.details.prices, details, now
        self.record(ItemChanged(aggregate_id=self.id, tenant_id=self.tenant_id, fields=changed))
        if before != details.prices:
            self.record(
                ItemPriceChanged(
                    aggregate_id=self.id, tenant_id=self.tenant_id, category=details.category, before=before, after=details.prices
                )
            )
        return True

    def publish(self, now: datetime) -> bool:
        """Make the item public. Returns whether it was not. Raises `PriceMissing`, `ItemIsDeleted`."""
        return self._become(ItemStatus.PUBLISHED, now)

    def archive(self, now: datetime) -> bool:
        """Withdraw the item and keep its data. Returns whether it was not archived. Raises `ItemIsDeleted`."""
        return self._become(ItemStatus.ARCHIVED, now)

    def delete(self, now: datetime) -> bool:
        """Returns True. Raises `ItemIsDeleted`."""
        self._refuse_deleted()
        self.deleted_at = self.updated_at = now
        self.record(ItemDeleted(aggregate_id=self.id, tenant_id=self.tenant_id))
        return True

    def restore(self, now: datetime) -> bool:
        """Returns True. Raises `ItemIsNotDeleted`."""
        if self.deleted_at is None:
            raise ItemIsNotDeleted
        self.deleted_at, self.updated_at = None, now
        self.record(ItemRestored(aggregate_id=self.id, tenant_id=self.tenant_id))
        return True

    def _become(self, status: ItemStatus, now: datetime) -> bool:
        self._refuse_deleted()
        if status is self.status:
            return False
        if status is ItemStatus.PUBLISHED and not self.details.prices:
            raise PriceMissing
        self.record(ItemStatusChanged(aggregate_id=self.id, tenant_id=self.tenant_id, before=self.status, after=status))
        self.status, self.updated_at = status, now
        return True

    def _refuse_deleted(self) -> None:
        if self.deleted_at is not None:
            raise ItemIsDeleted

"""Streams of items: `items.price-changes`, for consumers that follow the prices of a category."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api_base.application.common.events import Stream, StreamRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanged:
    """Amounts are in minor units of their currencies (ISO 4217); None stands for no price."""

    aggregate_id: UUID
    tenant_id: UUID
    category: str
    before: int | None
    before_currency: str | None
    after: int | None
    after_currency: str | None


def by_category(event: PriceChanged) -> Iterator[StreamRecord]:
    """One record, keyed by tenant and category."""
    yield StreamRecord(
        key=f"{event.tenant_id}/{event.category}",
        value={
            "tenant_id": str(event.tenant_id),
            "category": event.category,
            "item_id": str(event.aggregate_id),
            "before": _price(event.before, event.before_currency),
            "after": _price(event.after, event.after_currency),
        },
    )


def _price(minor: int | None, currency: str | None) -> dict[str, object] | None:
    return None if minor is None else {"minor": minor, "currency": currency}


PRICE_CHANGES: Final = Stream(name="items.price-changes", event="items.price_changed.v1", payload=PriceChanged, transform=by_category)

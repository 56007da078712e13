"""Within its version an event's schema grows by fields that may be absent, and in no other way."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from api_base.core.base import DomainEvent
from api_base.interface.events_router import data_schema
from tools.compatible import IncompatibleError, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown(DomainEvent):
    """With words, and a field more that may be absent."""

    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    note: str = "none"
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanding(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    weight: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(DomainEvent):
    name = "orders.shipped.v1"
    shipper: str = ""
    parcels: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retyped(DomainEvent):
    name = "orders.shipped.v1"
    carrier: UUID
    parcels: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insisting(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    note: str


def test_it_may_stay_and_grow() -> None:
    check(data_schema(Shipped), data_schema(Shipped))
    check(data_schema(Shipped), data_schema(Grown))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (Demanding, "the new field weight has no default"),
        (Renamed, "the field carrier was removed or renamed"),
        (Retyped, "the field carrier has another type"),
        (Silent, "the field parcels became optional"),
        (Insisting, "the field note became required"),
    ],
)
def test_anything_else_is_another_version(changed: type[DomainEvent], said: str) -> None:
    with pytest.raises(IncompatibleError) as refused:
        check(data_schema(Shipped), data_schema(changed))
    assert said in str(refused.value)
    assert "orders.shipped.v1.json: " in str(refused.value)
    assert "add a .v2" in str(refused.value)

"""Within its version an event's schema grows by fields that may be absent, and in no other way."""

from dataclasses import dataclass, make_dataclass
from typing import Any
from uuid import UUID

import pytest

from api_base.core.base import DomainEvent
from api_base.interface.events_router import data_schema
from tools.compatible import IncompatibleError, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    note: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown(DomainEvent):
    """With words, and a field more that may be absent."""

    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    note: str = "none"
    weight: float | None = None
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanding(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    weight: float
    note: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(DomainEvent):
    name = "orders.shipped.v1"
    shipper: str = ""
    parcels: int
    note: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retyped(DomainEvent):
    name = "orders.shipped.v1"
    carrier: UUID
    parcels: int
    note: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int = 1
    note: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Insisting(DomainEvent):
    name = "orders.shipped.v1"
    carrier: str
    parcels: int
    note: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    width: int
    grams: int


def changed_box(kind: object) -> type[DomainEvent]:
    """Return the event with boxes of another type."""
    fields: list[Any] = [("carrier", str), ("parcels", int), ("note", str, ""), ("boxes", kind, ())]
    namespace = {"name": "orders.shipped.v1", "__doc__": "With other boxes."}
    made: type[DomainEvent] = make_dataclass("Boxed", fields, bases=(DomainEvent,), namespace=namespace, kw_only=True, frozen=True)
    return made


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
        (changed_box(tuple[Weighed, ...]), "the field boxes has another type"),
        (changed_box(Box | None), "the field boxes has another type"),
        (changed_box(str), "the field boxes has another type"),
    ],
)
def test_anything_else_is_another_version(changed: type[DomainEvent], said: str) -> None:
    with pytest.raises(IncompatibleError) as refused:
        check(data_schema(Shipped), data_schema(changed))
    assert said in str(refused.value)
    assert "orders.shipped.v1.json: " in str(refused.value)
    assert "add a .v2" in str(refused.value)

"""Versions of events: stored events in all their forms, whatever version they were stored in."""

import json
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID, uuid4

import pytest

from api_base.application.common.events import EventVersions, versions_of
from api_base.core.base import DomainEvent
from api_base.core.errors import EventRefused
from api_base.core.protocols import StoredEvent
from api_base.domain.items.events import ItemPriceChanged
from api_base.infrastructure.events.rows import decode
from api_base.infrastructure.serialization.json_codec import encode
from tests.factories.events import stored_event

ID = UUID("01900000-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedV1(DomainEvent):
    name = "orders.shipped.v1"
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedV2(DomainEvent):
    """Grams, where version 1 has kilograms."""

    name = "orders.shipped.v2"
    older = ShippedV1
    grams: int

    @classmethod
    def upcast(cls, older: ShippedV1) -> Self:
        return cls(aggregate_id=older.aggregate_id, grams=older.weight * 1000)

    def downcast(self) -> ShippedV1 | None:
        return ShippedV1(aggregate_id=self.aggregate_id, weight=self.grams // 1000) if self.grams >= 1000 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped(DomainEvent):
    """One for each parcel."""

    name = "orders.shipped.v3"
    older = ShippedV2
    parcels: tuple[int, ...]

    @classmethod
    def upcast(cls, older: ShippedV2) -> Self:
        return cls(aggregate_id=older.aggregate_id, parcels=(older.grams,))

    def downcast(self) -> ShippedV2:
        return ShippedV2(aggregate_id=self.aggregate_id, grams=sum(self.parcels))


VERSIONS = EventVersions(encode, decode)
VERSIONS.add([Shipped])


def stored(version: int, **data: Any) -> StoredEvent:
    return stored_event(name=f"orders.shipped.v{version}", payload=json.dumps({"aggregate_id": str(ID), **data}).encode())


def told(forms: Any) -> list[tuple[str, dict[str, Any]]]:
    found = [(one.name[-2:], json.loads(one.payload)) for one in forms]
    assert all(data.pop("aggregate_id") == str(ID) for _, data in found)
    return found


@pytest.mark.parametrize(
    ("version", "data", "forms"),
    [
        (1, {"weight": 2}, [("v3", {"parcels": [2000]}), ("v2", {"grams": 2000}), ("v1", {"weight": 2})]),
        (2, {"grams": 2500}, [("v3", {"parcels": [2500]}), ("v2", {"grams": 2500}), ("v1", {"weight": 2})]),
        (3, {"parcels": [900, 600]}, [("v3", {"parcels": [900, 600]}), ("v2", {"grams": 1500}), ("v1", {"weight": 1})]),
        (3, {"parcels": [400]}, [("v3", {"parcels": [400]}), ("v2", {"grams": 400})]),
    ],
)
def test_an_event_has_a_form_in_each_version(version: int, data: dict[str, Any], forms: list[tuple[str, dict[str, Any]]]) -> None:
    event = stored(version, **data)
    found = VERSIONS.forms([event])
    assert told(found) == forms
    assert {replace(one, name="", payload=b"") for one in found} == {replace(event, name="", payload=b"")}
    for name in ("v1", "v2", "v3"):
        named = VERSIONS.named(event, f"orders.shipped.{name}")
        assert told([] if named is None else [named]) == [one for one in forms if one[0] == name]


def test_the_stored_form_is_published_as_it_is() -> None:
    """Byte for byte, with fields that a later release has taken away."""
    event = stored(2, grams=1000, note="kept")
    assert [one for one in VERSIONS.forms([event]) if one.name == event.name] == [event]


def test_other_events_are_not_touched() -> None:
    event = stored_event()
    assert VERSIONS.forms([event]) == [event]
    assert VERSIONS.names(event.name) == [event.name]
    assert VERSIONS.names("orders.shipped.v2") == ["orders.shipped.v3", "orders.shipped.v2", "orders.shipped.v1"]
    assert [one.__name__ for one in versions_of(ItemPriceChanged)] == ["ItemPriceChanged", "ItemPriceChangedV1"]


def test_what_cannot_be_converted_is_refused_with_its_id() -> None:
    wrong, fine = stored(2, grams="heavy"), stored(2, grams=1)
    with pytest.raises(EventRefused, match=r"cannot be converted to the other versions of orders\.shipped\.v2: .*grams") as refused:
        VERSIONS.forms([fine, wrong])
    assert refused.value.event_id == wrong.id
    assert [one.name for one in VERSIONS.forms_of_known([wrong, fine])] == [wrong.name, "orders.shipped.v3", fine.name]
    assert VERSIONS.named(wrong, wrong.name) is wrong
    other = stored_event(id=uuid4())
    assert VERSIONS.forms_of_known([other]) == [other]

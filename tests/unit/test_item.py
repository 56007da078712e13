"""The rules of an item's life."""

from datetime import timedelta
from typing import Any

import pytest

from api_base.core.errors import Invalid
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import Item
from api_base.domain.items.errors import ItemIsDeleted, ItemIsNotDeleted, PriceMissing
from api_base.domain.items.events import ItemPriceChanged
from api_base.domain.items.value_objects import ItemStatus
from tests.factories.items import NOW, details, item

GBP = Money(minor=1100, currency="GBP")
ONE_HOUR_LATER = NOW + timedelta(hours=1)


def test_a_new_item_is_a_draft_and_says_so() -> None:
    created = item(sku="A1")
    assert created.status is ItemStatus.DRAFT
    assert [event.name for event in created.collect_events()] == ["items.created.v1"]
    assert created.collect_events() == []


@pytest.mark.parametrize(
    ("path", "end"),
    [
        (["publish"], ItemStatus.PUBLISHED),
        (["archive"], ItemStatus.ARCHIVED),
        (["publish", "archive"], ItemStatus.ARCHIVED),
        (["publish", "archive", "publish"], ItemStatus.PUBLISHED),
    ],
)
def test_allowed_transitions(path: list[str], end: ItemStatus) -> None:
    changed = item()
    for step in path:
        getattr(changed, step)(ONE_HOUR_LATER)
    assert changed.status is end
    assert changed.updated_at == ONE_HOUR_LATER


@pytest.mark.parametrize("action", ["publish", "archive"])
def test_a_transition_to_the_same_status_changes_nothing(action: str) -> None:
    changed = item()
    assert getattr(changed, action)(NOW)
    events = changed.collect_events()
    assert not getattr(changed, action)(ONE_HOUR_LATER)
    assert (changed.updated_at, changed.collect_events()) == (NOW, [])
    assert len(events) > 0


def test_without_a_price_it_cannot_be_published_nor_lose_it_afterwards() -> None:
    free = item(prices=())
    with pytest.raises(PriceMissing):
        free.publish(ONE_HOUR_LATER)
    priced = item()
    priced.publish(NOW)
    with pytest.raises(PriceMissing):
        priced.change(ONE_HOUR_LATER, prices=())


def test_a_change_to_the_same_is_no_change() -> None:
    same = item(name="Chair")
    same.collect_events()
    assert not same.change(ONE_HOUR_LATER, name="Chair")
    assert same.updated_at == NOW
    assert same.collect_events() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prices": (Money(minor=1300, currency="EUR"), GBP)}, (1250, "EUR", 1300, "EUR", "furniture")),
        ({"prices": (Money(minor=1250, currency="USD"),), "category": "chairs"}, (1250, "EUR", 1250, "USD", "chairs")),
        ({"prices": ()}, (1250, "EUR", None, None, "furniture")),
        ({"prices": (Money(minor=1250, currency="EUR"),)}, None),
    ],
)
def test_a_change_of_price_is_an_event_of_its_own(changes: dict[str, Any], told: tuple[Any, ...] | None) -> None:
    """Whoever knows the event as it was with one price hears of the first."""
    before = (Money(minor=1250, currency="EUR"), GBP)
    priced = item(prices=before)
    priced.collect_events()
    priced.change(ONE_HOUR_LATER, **changes)
    (changed, price) = priced.collect_events()
    assert (changed.name, price.name) == ("items.changed.v1", "items.price_changed.v2")
    assert isinstance(price, ItemPriceChanged)
    assert (price.before, price.after, price.category) == (before, changes["prices"], changes.get("category", "furniture"))
    older = price.downcast()
    assert (older and (older.before, older.before_currency, older.after, older.after_currency, older.category)) == told
    assert older is None or ItemPriceChanged.upcast(older).downcast() == older


def test_a_change_of_anything_else_is_none_of_price() -> None:
    renamed = item(name="Chair")
    renamed.collect_events()
    renamed.change(ONE_HOUR_LATER, name="Stool")
    assert [event.name for event in renamed.collect_events()] == ["items.changed.v1"]


def test_deleted_items_are_changed_no_more_until_restored() -> None:
    gone = item()
    gone.delete(ONE_HOUR_LATER)
    for attempt in (
        lambda: gone.change(ONE_HOUR_LATER, name="x"),
        lambda: gone.publish(ONE_HOUR_LATER),
        lambda: gone.delete(ONE_HOUR_LATER),
    ):
        with pytest.raises(ItemIsDeleted):
            attempt()
    gone.restore(ONE_HOUR_LATER)
    assert gone.change(ONE_HOUR_LATER, name="x")
    with pytest.raises(ItemIsNotDeleted):
        gone.restore(ONE_HOUR_LATER)


def test_every_violation_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        details(sku=" ", name="n" * 201, category="a\0b", tags=("x", "x"), attributes={"big": "y" * 20_000})
    assert {violation.pointer for violation in refused.value.violations} == {"/sku", "/name", "/category", "/tags/1", "/attributes"}


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    half = chr(0xD83D)
    with pytest.raises(Invalid) as refused:
        details(name=f"smile {half}", attributes={"face": half})
    assert [violation.pointer for violation in refused.value.violations] == ["/name", "/attributes"]
    assert details(name="smile 😀").name.endswith("😀")


def test_a_change_is_validated_like_a_creation() -> None:
    changed: Item = item()
    with pytest.raises(Invalid):
        changed.change(ONE_HOUR_LATER, name="")
    assert changed.details.name == "Chair"

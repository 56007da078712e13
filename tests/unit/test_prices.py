"""The prices of an item: one in each currency, of which some know the first only."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from api_base.application.common.importing.mapping import ColumnMapping, MappingRefused
from api_base.application.common.money import MoneyPatch
from api_base.application.items.commands.import_items import ITEM_SCHEMA, ItemRow
from api_base.application.items.price_changes import FirstPrice
from api_base.core.errors import Invalid
from api_base.domain.common.value_objects import Money
from api_base.domain.items.events import ItemChanged
from api_base.domain.items.value_objects import PRICES
from api_base.infrastructure.items.mapper import price_columns, prices_of
from tests.factories.items import NOW, details, item

EUR, USD, JPY = Money(minor=1250, currency="EUR"), Money(minor=1390, currency="USD"), Money(minor=1900, currency="JPY")
NAMED = {"sku": "a", "name": "n", "category": "c"}


def row(**values: object) -> ItemRow:
    return ColumnMapping.parse(ITEM_SCHEMA, [], []).row({**NAMED, **values})


@pytest.mark.parametrize(
    ("prices", "found"),
    [
        ([EUR, Money(minor=1, currency="EUR")], [("/prices/1/currency", "duplicate")]),
        ([EUR, Money(minor=-1, currency="EUR")], [("/prices/1/amount", "negative"), ("/prices/1/currency", "duplicate")]),
        ([EUR] * (PRICES + 1), [("/prices", "too_many")]),
    ],
)
def test_prices_that_an_item_cannot_have(prices: Sequence[Money], found: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid) as refused:
        details(prices=prices)
    assert [(one.pointer, one.code) for one in refused.value.violations] == found


@pytest.mark.parametrize("prices", [(), (EUR,), (EUR, USD), (JPY, EUR, USD)])
def test_a_row_has_all_prices_in_their_order(prices: tuple[Money, ...]) -> None:
    columns = dict(zip(("price_minor", "price_currency", "further_prices"), price_columns(prices), strict=True))
    assert prices_of(columns) == prices
    assert (columns["further_prices"] is None) is (len(prices) < 2)


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        (MoneyPatch(amount="3"), (EUR, USD), (Money(minor=300, currency="EUR"), USD)),
        (MoneyPatch(currency="GBP"), (EUR, USD), (Money(minor=1250, currency="GBP"), USD)),
        (MoneyPatch(), (EUR, USD), (EUR, USD)),
        (MoneyPatch(amount="12.50", currency="EUR"), (), (EUR,)),
        (None, (EUR, USD), (USD,)),
        (None, (), ()),
    ],
)
def test_a_change_of_the_first_price_keeps_the_others(
    patch: MoneyPatch | None, before: tuple[Money, ...], after: tuple[Money, ...]
) -> None:
    assert FirstPrice(patch).applied(before) == after


@pytest.mark.parametrize(("patch", "pointer"), [(MoneyPatch(), "/price/amount"), (MoneyPatch(amount="3"), "/price/currency")])
def test_without_a_price_its_patch_must_be_complete(patch: MoneyPatch, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        FirstPrice(patch).applied(())
    assert [(one.pointer, one.message) for one in refused.value.violations] == [(pointer, "is required, because price is null")]


@pytest.mark.parametrize(
    ("prices", "fields"), [((EUR, JPY), ("prices",)), ((JPY, EUR), ("price", "prices")), ((), ("price", "prices")), ((EUR, USD), None)]
)
def test_an_item_says_whether_its_first_price_changed(prices: tuple[Money, ...], fields: tuple[str, ...] | None) -> None:
    changed = item(prices=(EUR, USD))
    changed.collect_events()
    assert changed.change(NOW, prices=prices) is (fields is not None)
    assert [one.fields for one in changed.collect_events() if isinstance(one, ItemChanged)] == ([] if fields is None else [fields])


LISTED = [{"amount": "12.50", "currency": "EUR"}, {"amount": "13.90", "currency": "USD"}]


@pytest.mark.parametrize(
    ("values", "after"),
    [
        ({"prices": LISTED}, (EUR, USD)),
        ({"prices": json.dumps(LISTED)}, (EUR, USD)),
        ({"prices": []}, ()),
        ({"prices": ""}, ()),
        ({"prices": LISTED, "price": None}, (EUR, USD)),
        ({"price": "3", "currency": "EUR"}, (Money(minor=300, currency="EUR"), JPY)),
        ({"price.amount": "3", "price.currency": "EUR"}, (Money(minor=300, currency="EUR"), JPY)),
    ],
)
def test_a_row_of_a_file_has_all_prices_or_the_first(values: Mapping[str, object], after: tuple[Money, ...]) -> None:
    assert row(**values).over(details(prices=(USD, JPY))).prices == after


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"price": "3", "currency": "EUR", "prices": LISTED}, "/price"),
        ({"prices": [{"amount": "12.501", "currency": "EUR"}]}, "/prices/0/amount"),
        ({"prices": [*LISTED, {"amount": "1", "currency": "XXX!"}]}, "/prices/2/currency"),
        ({"prices": [{"amount": {}, "currency": "EUR"}]}, "/prices/0/amount"),
        ({"prices": [*LISTED, LISTED[0]]}, "/prices/2/currency"),
        ({"prices": LISTED * PRICES}, "/prices"),
    ],
)
def test_a_row_with_other_prices_is_refused(values: Mapping[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        row(**values)
    assert refused.value.violations[0].pointer == pointer


def test_a_row_without_a_price_does_not_take_the_first_of_several() -> None:
    """Otherwise each import of the same file would take one more."""
    assert row(price="").over(details(prices=(EUR,))).prices == ()
    with pytest.raises(Invalid, match="/price: is empty, but the item has 2 prices"):
        row(price="").over(details(prices=(EUR, USD)))


@pytest.mark.parametrize("constant", ["prices=x", 'prices=[{"amount": "x", "currency": "EUR"}]'])
def test_constant_prices_are_checked_before_any_row(constant: str) -> None:
    with pytest.raises(MappingRefused, match="^prices="):
        ColumnMapping.parse(ITEM_SCHEMA, ["sku=a", "name=b", "category=c"], [constant])

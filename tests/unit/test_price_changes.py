"""The stream `items.price-changes`: what followers of a category read."""

from uuid import uuid4

from api_base.application.items.streams import PRICE_CHANGES, PriceChanged
from api_base.domain.items.events import ItemPriceChangedV1

ITEM, TENANT = uuid4(), uuid4()


def test_a_change_is_told_under_its_tenants_category() -> None:
    event = PriceChanged(
        aggregate_id=ITEM, tenant_id=TENANT, category="chairs", before=None, before_currency=None, after=1300, after_currency="EUR"
    )
    (record,) = PRICE_CHANGES.transform(event)
    assert record.key == f"{TENANT}/chairs"
    assert record.value == {
        "tenant_id": str(TENANT),
        "category": "chairs",
        "item_id": str(ITEM),
        "before": None,
        "after": {"minor": 1300, "currency": "EUR"},
    }


def test_it_is_made_of_the_event_with_one_price() -> None:
    assert PRICE_CHANGES.event == ItemPriceChangedV1.name
    assert {*PriceChanged.__slots__} == {*ItemPriceChangedV1.__slots__, "aggregate_id"}

"""Items have a price in each of several currencies, where version 1 knows the first."""

from collections.abc import Sequence
from typing import Final

from api_base.application.common.money import MoneyDTO
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.price_changes import FirstPrice
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody
from api_base.interface.v1.bodies.money import Price, PricePatchBody
from api_base.interface.v2 import V2
from api_base.interface.versioning import Change, FirstOf


def _one(price: Price | None) -> Sequence[Price]:
    return [] if price is None else [price]


def _patched(price: PricePatchBody | None) -> FirstPrice:
    return FirstPrice(None if price is None else price.patch())


CHANGES: Final[tuple[Change, ...]] = (
    FirstOf(version=V2, of=(ItemDTO,), was="price", now="prices", type=MoneyDTO | None),
    FirstOf(version=V2, of=(CreateItemBody,), was="price", now="prices", type=Price | None, read=_one),
    FirstOf(version=V2, of=(PatchItemBody,), was="price", now="prices", type=PricePatchBody | None, read=_patched),
)

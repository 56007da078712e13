"""Request bodies of items."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from api_base.application.common.money import MoneyDTO
from api_base.application.items.price_changes import AllPrices, FirstPrice
from api_base.domain.items.entities import ItemDetails
from api_base.domain.items.value_objects import ATTRIBUTES_BYTES, CATEGORY, DESCRIPTION, NAME, PRICES, SKU, TAG, TAGS
from api_base.interface.v1.bodies.base import Body
from api_base.interface.v1.bodies.money import Price


def _not_larger_than_stored(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse more values than the stored text could have bytes, before each of them costs time."""
    found, left = [iter(value.values())], ATTRIBUTES_BYTES
    while found:
        for one in found.pop():
            left -= 1
            if left < 0:
                raise PydanticCustomError("too_big", "is larger than {limit} bytes of JSON", {"limit": ATTRIBUTES_BYTES})
            if isinstance(one, dict | list):
                found.append(iter(one.values() if isinstance(one, dict) else one))
    return value


Sku = Annotated[str, Field(min_length=1, max_length=SKU.max_length)]
Name = Annotated[str, Field(min_length=1, max_length=NAME.max_length)]
Description = Annotated[str, Field(max_length=DESCRIPTION.max_length)]
Category = Annotated[str, Field(min_length=1, max_length=CATEGORY.max_length)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=TAG.max_length)]], Field(max_length=TAGS)]
"""A list, whose length pydantic checks before its elements: a tuple may have as many errors as elements."""
Prices = Annotated[list[Price], Field(max_length=PRICES)]
Attributes = Annotated[dict[str, JsonValue], AfterValidator(_not_larger_than_stored)]


def _or_first_price(given: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Accept what version 1 makes of the price that it knows: no JSON is a `FirstPrice`."""
    return given if isinstance(given, FirstPrice) else read(given)


class CreateItemBody(Body):
    sku: Sku
    name: Name
    description: Description = ""
    prices: Prices = Field(default=[])
    category: Category
    tags: Tags = Field(default=[])
    attributes: Attributes = Field(default_factory=dict)

    def details(self) -> ItemDetails:
        return ItemDetails(
            sku=self.sku,
            name=self.name,
            description=self.description,
            prices=tuple(one.money(f"/prices/{number}") for number, one in enumerate(self.prices)),
            category=self.category,
            tags=tuple(self.tags),
            attributes=self.attributes,
        )


class PatchItemBody(Body):
    """A merge patch: missing members stay unchanged; null removes optional ones (prices, description, tags, attributes and their members)."""

    sku: Sku = ""
    name: Name = ""
    description: Description | None = None
    prices: Annotated[Prices | None, WrapValidator(_or_first_price)] = None
    category: Category = ""
    tags: Tags | None = None
    attributes: Attributes | None = None

    def details(self) -> dict[str, Any]:
        """The fields of `ItemDetails` to change, as `UpdateItem` takes them."""
        changes = self.sent()
        if "prices" in changes and not isinstance(self.prices, FirstPrice):
            changes["prices"] = AllPrices([MoneyDTO(amount=one.amount, currency=one.currency) for one in self.prices or ()])
        if self.tags is not None:
            changes["tags"] = tuple(self.tags)
        emptied = {"description": "", "tags": ()}
        return {name: emptied[name] if value is None and name in emptied else value for name, value in changes.items()}

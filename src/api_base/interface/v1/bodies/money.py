"""Request bodies of money."""

from typing import Annotated

from pydantic import Field

from api_base.application.common.money import MoneyPatch
from api_base.domain.common.value_objects import Money
from api_base.interface.v1.bodies.base import Body


class Price(Body):
    """An amount of money: decimal text and an ISO 4217 currency."""

    amount: Annotated[str, Field(max_length=24, examples=["12.50"])]
    currency: Annotated[str, Field(min_length=3, max_length=3, examples=["EUR"])]

    def money(self, pointer: str) -> Money:
        """Return the amount. Raises `Invalid` at `pointer`."""
        return Money.parse(self.amount, self.currency, pointer=pointer)


class PricePatchBody(Body):
    """A merge patch of a price: missing members stay unchanged. Null is refused, because a price has both an amount and a currency."""

    amount: Annotated[str, Field(max_length=24)] = Field(default_factory=str)  # a default that the document does not show
    currency: Annotated[str, Field(min_length=3, max_length=3)] = Field(default_factory=str)

    def patch(self) -> MoneyPatch:
        """Return the members that were sent."""
        return MoneyPatch(**self.sent())

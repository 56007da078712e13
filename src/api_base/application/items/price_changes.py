"""Changes of an item's prices: of all, or of the first only."""

from collections.abc import Sequence
from dataclasses import dataclass

from api_base.application.common.money import MoneyDTO, MoneyPatch
from api_base.domain.common.value_objects import Money


@dataclass(frozen=True, slots=True)
class AllPrices:
    """The prices become these."""

    given: Sequence[MoneyDTO]

    def applied(self, prices: tuple[Money, ...]) -> tuple[Money, ...]:
        """Return the prices after the change. Raises `Invalid` at `/prices/N`."""
        del prices
        return tuple(Money.parse(one.amount, one.currency, pointer=f"/prices/{number}") for number, one in enumerate(self.given))


@dataclass(frozen=True, slots=True)
class FirstPrice:
    """The other prices stay as they are: version 1 of the API knows one price only. Without a `patch`, the first is removed."""

    patch: MoneyPatch | None

    def applied(self, prices: tuple[Money, ...]) -> tuple[Money, ...]:
        """Return the prices after the change. Raises `Invalid` at `/price`, which is what was sent."""
        if self.patch is None:
            return prices[1:]
        return (self.patch.applied(prices[0] if prices else None, "/price"), *prices[1:])

"""Money as the outside sees and changes it: its DTO, its merge patch, and the fields of lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api_base.application.common.listing import EQUALITY, ORDER, UNINDEXED, Field
from api_base.core.errors import Invalid
from api_base.domain.common.specification import ComparisonOperator
from api_base.domain.common.value_objects import Money, currency_code

_IS_NULL: Final = frozenset({ComparisonOperator.IS_NULL})


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyDTO:
    """Decimal text and ISO 4217 code, never a float."""

    amount: str
    currency: str

    @classmethod
    def of(cls, money: Money) -> "MoneyDTO":
        """Format the amount with all decimal places of its currency (ISO 4217): `"12.50"`, `"1250"` for yen."""
        return cls(amount=money.amount, currency=money.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyPatch:
    """A merge patch of an amount of money: members that are None stay unchanged."""

    amount: str | None = None
    currency: str | None = None

    def applied(self, money: Money | None, pointer: str) -> Money:
        """Return the patched amount. Raises `Invalid` if there is none and the patch is not complete."""
        amount = self.amount if self.amount is not None or money is None else money.amount
        currency = self.currency if self.currency is not None or money is None else money.currency
        if amount is None or currency is None:
            missing, name = "amount" if amount is None else "currency", pointer.rpartition("/")[2]
            raise Invalid.of(f"{pointer}/{missing}", "missing", f"is required, because {name} is null")
        return Money.parse(amount, currency, pointer=pointer)


def money_fields(name: str, *, sortable: bool = True) -> Sequence[Field]:
    """Return the fields of a list that filter money: amounts are compared, and sorted, within one currency."""
    return (
        Field(name=f"{name}.amount", kind=int, operators=ORDER, sortable=sortable, needs=f"{name}.currency", parse=_minor),
        Field(name=f"{name}.currency", kind=str, operators=EQUALITY | _IS_NULL, scan=UNINDEXED | _IS_NULL, parse=_currency),
    )


def _minor(text: str, currency: str | None) -> int:
    return Money.parse(text, currency or "").minor


def _currency(text: str, needed: str | None) -> str:
    del needed
    return currency_code(text, "")

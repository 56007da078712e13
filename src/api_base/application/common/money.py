"""The DTO of money."""

from dataclasses import dataclass

from api_base.domain.common.value_objects import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyDTO:
    """Decimal text and ISO 4217 code, never a float."""

    amount: str
    currency: str

    @classmethod
    def of(cls, money: Money) -> "MoneyDTO":
        """Format the amount with all decimal places of its currency (ISO 4217): `"12.50"`, `"1250"` for yen."""
        return cls(amount=money.amount, currency=money.currency)

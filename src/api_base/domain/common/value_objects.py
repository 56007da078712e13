"""Value objects that every context may use: valid by construction, equal by value."""

import re
from dataclasses import dataclass
from typing import Final, Self

from api_base.core.base import ValueObject
from api_base.core.errors import Invalid, Violation
from api_base.domain.common.currencies import EXPONENTS
from api_base.domain.common.text import TextRule, key

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_AMOUNT: Final = re.compile(r"(-?)([0-9]{1,19})(?:\.([0-9]{1,4}))?")
_BIGINT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class EmailAddress(ValueObject):
    """An addr-spec [RFC 5321, section 4.1.2] without quoting, of at most 254 characters.

    Stored in lower case: the domain is case-insensitive, and providers with case-sensitive local parts are so rare that two accounts
    for one mailbox would do more harm.
    """

    value: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/email") -> Self:
        """Parse `text`. Raises `Invalid` at `pointer`."""
        value = email_key(text)
        if not value.isascii():
            raise Invalid.of(pointer, "email", "must be in ASCII; write an internationalized domain as in ana@xn--mnchen-3ya.de")
        if len(value) > 254 or len(value.partition("@")[0]) > 64 or not _EMAIL.fullmatch(value):
            raise Invalid.of(pointer, "email", "must be an e-mail address such as ana@example.com")
        return cls(value)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Slug(ValueObject):
    """Lower-case words of a-z and 0-9 joined by hyphens, 2 to 63 characters: valid in a URL and as a DNS label [RFC 1035]."""

    value: str

    @classmethod
    def parse(cls, text: str, pointer: str = "/slug") -> Self:
        """Parse `text`. Raises `Invalid` at `pointer`."""
        value = key(text)
        if not 2 <= len(value) <= 63 or not _SLUG.fullmatch(value):
            raise Invalid.of(pointer, "slug", "must be 2 to 63 characters of a-z, 0-9 and single hyphens between them")
        return cls(value)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SlugRule(TextRule):
    """What a field accepts that names its resource in URLs: the text of a `Slug`."""

    max_length: int = 63
    key: bool = True

    def read(self, text: str, pointer: str) -> str | Violation:
        """Return `text` as it is stored, or why it is refused."""
        try:
            return Slug.parse(text, pointer).value
        except Invalid as error:
            return error.violations[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Money(ValueObject):
    """An amount in minor units (cents) of an ISO 4217 currency: an integer, because PostgreSQL can use its index under row-level security."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: str, currency: str, pointer: str = "") -> Self:
        """Parse decimal text. Raises `Invalid` at `pointer`/amount or `pointer`/currency.

        >>> Money.parse("12.5", "EUR")
        Money(minor=1250, currency='EUR')
        """
        exponent = EXPONENTS[currency_code(currency, f"{pointer}/currency")]
        match = _AMOUNT.fullmatch(amount)
        if match is None:
            raise Invalid.of(f"{pointer}/amount", "decimal", "must be decimal text such as 12.50")
        sign, whole, fraction = match[1], match[2], match[3] or ""
        if len(fraction) > exponent:
            raise Invalid.of(f"{pointer}/amount", "precision", f"has more decimal places than {currency} allows ({exponent})")
        minor = int(whole + fraction.ljust(exponent, "0"))
        if minor > _BIGINT:
            raise Invalid.of(f"{pointer}/amount", "too_big", "is too large: minor units must fit in 64 bits")
        return cls(minor=-minor if sign else minor, currency=currency)

    @property
    def amount(self) -> str:
        """Decimal text with the number of decimal places that the currency has.

        >>> Money(minor=-5, currency="EUR").amount
        '-0.05'
        """
        return decimal_text(self.minor, self.currency)


def decimal_text(minor: int, currency: str) -> str:
    """Return an amount in minor units of a currency as decimal text, as `Money.amount`."""
    exponent = EXPONENTS[currency]
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"


def email_key(text: str) -> str:
    """Return the form in which e-mail addresses are stored and compared."""
    value = key(text)
    return value.lower() if value.isascii() else value  # lower() turns some letters of other scripts into ASCII


def currency_code(text: str, pointer: str) -> str:
    """Return the code of a currency. Raises `Invalid` at `pointer`."""
    if text not in EXPONENTS:
        raise Invalid.of(pointer, "currency", f"{text!r} is not a currency of ISO 4217, such as EUR")
    return text

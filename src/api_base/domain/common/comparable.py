"""What specifications may compare: values that Python and PostgreSQL both hold, and order alike.

Refused is what one of the two cannot hold: text with NUL or half of a surrogate pair, integers beyond 64 bits, decimals that
are not finite, times without a zone. Kinds never mix, but a decimal may be compared with an integer.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID


class Kind(Enum):
    """Values of one kind compare with each other. The value names the kind for people."""

    TEXT = "text"
    BOOLEAN = "true or false"
    INTEGER = "whole numbers"
    DECIMAL = "decimal numbers"
    TIME = "times with a zone"
    DATE = "dates"
    UUID = "UUIDs"
    LIST = "lists of text"


_KINDS: Final = (  # the order matters: bool is an int, datetime is a date
    (str, Kind.TEXT),
    (bool, Kind.BOOLEAN),
    (int, Kind.INTEGER),
    (Decimal, Kind.DECIMAL),
    (datetime, Kind.TIME),
    (date, Kind.DATE),
    (UUID, Kind.UUID),
    (list | tuple | set | frozenset, Kind.LIST),
)
_DIGITS: Final = 1000
_DECIMAL: Final = re.compile(r"-?[0-9]{1,1000}(?:\.[0-9]{1,1000})?")


def kind_of(kind: type[Any]) -> Kind | None:
    """The kind of values of a Python type, or None where specifications do not compare them."""
    return next((found for base, found in _KINDS if issubclass(kind, base)), None)


def kind(value: Any) -> Kind | None:
    """The kind of a value; a time without a zone has none."""
    if isinstance(value, datetime) and value.utcoffset() is None:
        return None
    return kind_of(type(value))


def compare_with_each_other(left: Kind | None, right: Kind | None) -> bool:
    """Whether values of these kinds compare: of one kind, or a decimal field (`left`) with an integer. None compares with nothing."""
    return left is not None and (left is right or (left is Kind.DECIMAL and right is Kind.INTEGER))


def plain(value: Any) -> Any:
    """Enumerations by value, lists as tuples, times in UTC. Raises `OverflowError` for a time that UTC cannot say in years 1 to 9999."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return value.astimezone(UTC)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(plain, value))
    return value


def decimal(text: str) -> Decimal:
    """From its usual writing, such as -12.50. Raises `ValueError`."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal number such as 12.50")
    return Decimal(text)


def refusal(value: Any) -> str | None:
    """Why `value`, a plain one, cannot be compared with anything, or None."""
    match kind(value):
        case None | Kind.LIST:
            return f"cannot compare with {'a time without a zone' if isinstance(value, datetime) else type(value).__name__}"
        case Kind.TEXT if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            return "cannot compare with text that holds NUL or half of a surrogate pair"
        case Kind.INTEGER if not -(2**63) <= value < 2**63:
            return "cannot compare with integers of more than 64 bits"
        case Kind.DECIMAL if not value.is_finite() or value.adjusted() > _DIGITS or value.as_tuple().exponent < -_DIGITS:
            return f"cannot compare with decimals that are not finite or have more than {_DIGITS} digits on a side"
    return None

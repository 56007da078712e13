"""Values that specifications may compare: those that Python and PostgreSQL both represent and order in the same way.

Refused values are those that one of the two cannot represent: text with NUL or a lone surrogate, integers beyond 64 bits, decimals that
are not finite, times without a time zone. Values of different kinds never compare, except a decimal with an integer.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from api_base.domain.common.text import UNSTORABLE


class Kind(Enum):
    """Values of one kind compare with each other. The enumeration's value is the kind's name in error messages."""

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
    """The kind of a Python type's values, or None for types that specifications do not compare."""
    return next((found for base, found in _KINDS if issubclass(kind, base)), None)


def kind(value: Any) -> Kind | None:
    """The kind of a value; None for a time without a time zone."""
    if isinstance(value, datetime) and value.utcoffset() is None:
        return None
    return kind_of(type(value))


def compare_with_each_other(left: Kind | None, right: Kind | None) -> bool:
    """Whether values of these kinds compare: equal kinds, or a decimal field (`left`) with an integer. None compares with nothing."""
    return left is not None and (left is right or (left is Kind.DECIMAL and right is Kind.INTEGER))


def plain(value: Any) -> Any:
    """Enumerations by value, lists as tuples, times in UTC. Raises `OverflowError` for a time outside the years 1 to 9999 in UTC."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return value.astimezone(UTC)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(plain, value))
    return value


def decimal(text: str) -> Decimal:
    """Parse decimal text such as -12.50. Raises `ValueError`."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal number such as 12.50")
    return Decimal(text)


def refusal(value: Any) -> str | None:
    """The reason why the plain `value` cannot be compared with anything, or None."""
    match kind(value):
        case None | Kind.LIST:
            return f"cannot compare with {'a time without a time zone' if isinstance(value, datetime) else type(value).__name__}"
        case Kind.TEXT if UNSTORABLE.search(value):
            return "cannot compare with text that contains NUL or a lone surrogate"
        case Kind.INTEGER if not -(2**63) <= value < 2**63:
            return "cannot compare with integers of more than 64 bits"
        case Kind.DECIMAL if not value.is_finite() or value.adjusted() > _DIGITS or value.as_tuple().exponent < -_DIGITS:
            return f"cannot compare with decimals that are not finite or have more than {_DIGITS} digits before or after the point"
    return None

"""Read the values of a list's filters from text, each by the type of its field."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from api_base.application.common.listing import Field
from api_base.core.shared.rfc3339 import parse_date, parse_time
from api_base.domain.common.comparable import decimal

_MEMBER: Final = re.compile(r"(?:[^,\\]|\\[,\\]|\\)*", re.DOTALL)
_SPACE_BEFORE_OFFSET: Final = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")
"""In a query string, a bare + is a space."""


def members(text: str) -> Iterator[str]:
    r"""Split the values at commas. `\,` is a comma inside a value, `\\` a backslash; any other backslash is literal."""
    position = 0
    while text:
        match = _MEMBER.match(text, position)
        end = match.end() if match else position
        yield re.sub(r"\\([,\\])", r"\1", text[position:end])
        if end >= len(text):
            return
        position = end + 1


def boolean(text: str) -> bool:
    """Return the value of `true` or `false`."""
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("must be a whole number of at most 18 digits")
    return int(text)


def _timestamp(text: str) -> datetime:
    try:
        return parse_time(_SPACE_BEFORE_OFFSET.sub("+", text))
    except ValueError:
        raise ValueError("must be a time of RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z") from None


def _date(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError:
        raise ValueError("must be a date such as 2026-01-31") from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("must be a UUID") from None


_READ: Final[Mapping[type[Any], Callable[[str], Any]]] = {
    str: str,
    bool: boolean,
    int: _integer,
    Decimal: decimal,
    datetime: _timestamp,
    date: _date,
    UUID: _uuid,
}


def value_of(field: Field, text: str, needed: str | None = None) -> Any:
    """Return the value of a filter by a field, whose `needs` has the value `needed`. Raises `ValueError` and `Invalid` with what is wrong with it."""
    stored = field.stored_form(text)
    value = _READ[field.kind](stored) if field.parse is None else field.parse(stored, needed)
    if field.choices and value not in field.choices:
        raise ValueError(f"must be one of {', '.join(field.choices)}")
    return value

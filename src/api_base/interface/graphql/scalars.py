"""Scalars: the forms of values are those of the REST API."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, NewType
from uuid import UUID

import strawberry
from graphql import GraphQLError

from api_base.core.shared.rfc3339 import parse_date, parse_time
from api_base.domain.common.comparable import decimal

Long = NewType("Long", int)
"""Every whole number: `Int` of GraphQL has 32 bits, and the size of a file has more."""
Json = NewType("Json", object)

MAX_LONG: Final = 2**53 - 1
"""The largest whole number that every JSON parser reads exactly [RFC 8259, section 6]."""


def _text(read: Callable[[str], Any], expected: str) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        try:
            if isinstance(value, str):
                return read(value)
        except (ValueError, OverflowError):
            pass
        raise GraphQLError(f"must be {expected}")

    return parse


def _long(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_LONG:
        return value
    raise GraphQLError(f"must be a whole number from -{MAX_LONG} to {MAX_LONG}")


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


SCALARS: Final[Mapping[object, Any]] = {
    Long: strawberry.scalar(name="Long", description="A whole number of at most 53 bits.", serialize=int, parse_value=_long),
    Json: strawberry.scalar(name="JSON", description="Any JSON value.", specified_by_url="https://www.rfc-editor.org/rfc/rfc8259"),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time with its time zone, such as 2026-01-31T12:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_time,
        parse_value=_text(parse_time, "a time of RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z"),
    ),
    date: strawberry.scalar(
        name="Date",
        description="A date, such as 2026-01-31.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=date.isoformat,
        parse_value=_text(parse_date, "a date such as 2026-01-31"),
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='A decimal number as text, such as "12.50".',
        serialize=lambda value: format(value, "f"),
        parse_value=_text(decimal, 'a decimal number as text, such as "12.50"'),
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="An id as the REST API has it.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=_text(UUID, "a UUID"),
    ),
}

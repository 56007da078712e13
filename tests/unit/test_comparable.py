"""Which values specifications, lists and their cursors take: those that Python and PostgreSQL represent and order alike."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from api_base.application.common.listing import Cursors, decode_cursor
from api_base.core.errors import Invalid
from api_base.domain.common import comparable
from api_base.domain.common.comparable import Kind


class Shade(Enum):
    DARK = 1


GREATEST = Decimal(f"9E+{1000}")
LEAST = Decimal("1E-1000")
TAKEN: list[tuple[Any, Kind]] = [
    ("", Kind.TEXT),
    ("é\U0010ffff", Kind.TEXT),
    (True, Kind.BOOLEAN),
    (2**63 - 1, Kind.INTEGER),
    (-(2**63), Kind.INTEGER),
    (Decimal(0), Kind.DECIMAL),
    (GREATEST, Kind.DECIMAL),
    (LEAST, Kind.DECIMAL),
    (datetime(1, 1, 1, tzinfo=UTC), Kind.TIME),
    (date(9999, 12, 31), Kind.DATE),
    (UUID(int=0), Kind.UUID),
]
REFUSED: list[Any] = [
    "a\0",
    "\ud800",
    2**63,
    -(2**63) - 1,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    GREATEST.scaleb(1),
    LEAST.scaleb(-1),
    datetime(2026, 1, 1),  # noqa: DTZ001 -- without a zone on purpose
    None,
    1.5,
    b"a",
    ("a",),
]


@pytest.mark.parametrize(("value", "kind"), TAKEN, ids=lambda value: repr(value)[:20])
def test_each_kind_is_taken_up_to_its_ends(value: Any, kind: Kind) -> None:
    assert (comparable.kind(value), comparable.refusal(value)) == (kind, None)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:20])
def test_what_one_of_the_two_cannot_represent_is_refused(value: Any) -> None:
    assert comparable.refusal(value) is not None


def test_plain_values_are_those_that_are_stored() -> None:
    assert comparable.plain(Shade.DARK) == 1
    assert comparable.plain(["a", "b"]) == ("a", "b")
    moment = comparable.plain(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))))
    assert (moment, moment.utcoffset()) == (datetime(2025, 12, 31, 23, tzinfo=UTC), timedelta(0))


BINDING = "0" * 18


def cursor(key: object) -> str:
    return Cursors(BINDING, [(key,)], lambda row: row)[0]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a", str),
        (7, int),
        (True, bool),
        (Decimal("12.50"), Decimal),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime),
        (date(2026, 1, 1), date),
        (UUID(int=1), UUID),
    ],
)
def test_a_cursor_has_the_keys_of_its_row(key: Any, kind: type[Any]) -> None:
    assert decode_cursor(cursor(key), BINDING, [(kind, False)]) == [key]
    assert decode_cursor(cursor(None), BINDING, [(kind, True)]) == [None]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a\0", str), (2**63, int), (True, int), (1, bool), (1.5, int), (None, str), ("1", int), (1, str), ("1e5", Decimal),
        ("NaN", Decimal), ("2026-01-01T00:00:00", datetime), ("0001-01-01T00:00:00+02:00", datetime), ("2026-02-30", date), ("x", UUID),
    ],
)  # fmt: skip
def test_a_cursor_with_a_key_that_no_row_can_have_is_no_cursor(key: Any, kind: type[Any]) -> None:
    with pytest.raises(Invalid) as refused:
        decode_cursor(cursor(key), BINDING, [(kind, False)])
    [violation] = refused.value.violations
    assert (violation.pointer, violation.code) == ("/query/cursor", "cursor")
    assert violation.message == "is not a cursor; use next_cursor of the previous page"

"""Times in filters are those of RFC 3339, all of them and no others."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from api_base.core.shared.rfc3339 import parse_date, parse_time

NOON: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31t12:00:00z", NOON),
        ("2026-01-31 12:00:00Z", NOON),
        ("2026-01-31T12:00:00-00:00", NOON),
        ("2026-01-31T13:30:00+01:30", NOON),
        ("2026-01-31T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-01-31T12:00:00.123456789Z", NOON.replace(microsecond=123_456)),
        ("1990-12-31T23:59:60Z", datetime(1991, 1, 1, tzinfo=UTC)),
        ("1990-12-31T15:59:60.5-08:00", datetime(1990, 12, 31, 16, 0, 0, 500_000, tzinfo=timezone(timedelta(hours=-8)))),
    ],
)
def test_a_time_is_read(text: str, time: datetime) -> None:
    assert parse_time(text) == time


BAD: Final[list[Any]] = [
    "2026-01-31", "2026-01-31T12:00Z", "2026-01-31T12Z", "2026-01-31T12:00:00", "20260131T120000Z", "2026-W05-6T12:00:00Z",
    "2026-01-31T12:00:00,5Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+01", "2026-01-31T12:00:00+0100",
    "2026-01-31T12:00:00+01:00:30", "2026-01-31T12:00:00+24:00", "2026-01-31T24:00:00Z", "2026-01-31T12:30:60Z", "2026-02-30T12:00:00Z",
    "2026-01-31T12:00:00Z ", "2026-01-31T12:00:00Z\n", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:60Z", "26-01-31T12:00:00Z", "\uff12026-01-31T12:00:00Z", "2026-01-31_12:00:00Z", "",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


def test_a_date_has_one_form() -> None:
    assert parse_date("2026-01-31") == date(2026, 1, 31)
    for text in ("20260131", "2026-W05-6", "2026-1-31", "2026-02-30", "2026-01-31T00:00:00Z"):
        with pytest.raises(ValueError, match=r"."):
            parse_date(text)

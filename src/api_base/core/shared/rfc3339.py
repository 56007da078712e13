"""Times and dates of RFC 3339. Python's `fromisoformat` also reads weeks, commas, offsets without minutes and texts without separators."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:)([0-9]{2})(\.[0-9]+)?(?:[Zz]|([+-][0-9]{2}:[0-9]{2}))")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_time(text: str) -> datetime:
    """Return the time [RFC 3339, section 5.6], to the microsecond. A leap second is the second after it.

    Raises `ValueError`, also for a time outside of the years 1 to 9999 of UTC, which nothing here could convert.
    """
    if (match := _TIME.fullmatch(text)) is None:
        raise ValueError("not a time of RFC 3339")
    day, minute, second, fraction, offset = match.groups(default="")
    leap = minute.endswith(":59:") and second == "60"
    found = datetime.fromisoformat(f"{day}T{minute}{'59' if leap else second}{fraction}{offset or 'Z'}")
    try:
        time = found + timedelta(seconds=1) if leap else found
        time.astimezone(UTC)
    except OverflowError:
        raise ValueError("not between the years 1 and 9999 of UTC") from None
    return time


def parse_date(text: str) -> date:
    """Return the date. Raises `ValueError`."""
    if _DATE.fullmatch(text) is None:
        raise ValueError("not a date of RFC 3339")
    return date.fromisoformat(text)

"""The system clock."""

from datetime import UTC, datetime


class SystemClock:
    """Implements `Clock`."""

    def now(self) -> datetime:
        """The current time in UTC, with time zone and microseconds."""
        return datetime.now(UTC)

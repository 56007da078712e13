"""The system clock."""

from datetime import UTC, datetime

from api_base.core.protocols import Clock


class SystemClock(Clock):
    def now(self) -> datetime:
        """The current time in UTC, with time zone and microseconds."""
        return datetime.now(UTC)

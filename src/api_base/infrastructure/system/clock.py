"""The machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """Implements `Clock`."""

    def now(self) -> datetime:
        """The present, in UTC, with time zone and microseconds."""
        return datetime.now(UTC)

"""The system clock."""

from datetime import UTC, datetime
from functools import partial


class SystemClock:
    """Implements `Clock`."""

    now = staticmethod(partial(datetime.now, UTC))
    """The present time in UTC, with time zone and microseconds."""

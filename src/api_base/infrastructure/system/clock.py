"""The system clock."""

from datetime import UTC, datetime
from functools import partial

from api_base.core.protocols import Clock


class SystemClock(Clock):
    now = staticmethod(partial(datetime.now, UTC))
    """The present time in UTC, with time zone and microseconds."""

"""The system clock, and ids: UUIDv7 [RFC 9562, section 5.7], ordered by millisecond, and within it by the order in which this process created them."""

from datetime import UTC, datetime
from functools import partial

from uuid_utils.compat import uuid7

from api_base.core.protocols import Clock, IdGenerator


class SystemClock(Clock):
    now = staticmethod(partial(datetime.now, UTC))
    """The present time in UTC, with time zone and microseconds."""


class Uuid7Generator(IdGenerator):
    new = staticmethod(uuid7)
    """A `UUID` of the standard library, greater than those that this process made before."""

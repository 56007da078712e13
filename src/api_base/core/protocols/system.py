"""Time and ids, as ports, so that tests control them."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """The present, in UTC, with time zone."""
        ...


class IdGenerator(Protocol):
    """Makes the ids of stored rows; the database makes none."""

    def new(self) -> UUID:
        """A UUIDv7 [RFC 9562, section 5.7]: unique, and ordered by the time it was made."""
        ...

"""Time and ids, as ports, so that tests control them."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """The current time."""

    def now(self) -> datetime:
        """Return the current time in UTC, with time zone."""


class IdGenerator(Protocol):
    """Generates the ids of stored rows; the database generates none."""

    def new(self) -> UUID:
        """Return a UUIDv7 [RFC 9562, section 5.7]: unique, and ordered by creation time."""

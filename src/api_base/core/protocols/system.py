"""Time and ids, as ports, so that tests control them."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """The current time."""

    def now(self) -> datetime:
        """Return the current time in UTC, with time zone."""


class Sequences(Protocol):
    """Numbers for people, such as those of invoices: 1, 2, 3 in each tenant, without gaps."""

    async def next(self, name: str) -> int:
        """Return the next number of the sequence `name` in the tenant of the request, in the transaction of the command.

        If the command fails, or its process is killed, the next command gets the same number. Until it ends, other commands of the tenant that
        take a number of this sequence wait. Raises `NoTransaction` outside of a command, and `ProgrammingError` for a name of other characters.
        """
        ...


class IdGenerator(Protocol):
    """Generates the ids of stored rows; the database generates none."""

    def new(self) -> UUID:
        """Return a UUIDv7 [RFC 9562, section 5.7]: unique, and ordered by creation time."""

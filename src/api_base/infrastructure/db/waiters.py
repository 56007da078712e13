"""The tasks that wait for a connection, longest first. All wait equally long, so one timer is enough: for the first in the line, then for the next.

A timeout for each would be the most expensive part of a wait, and a busy server waits in most requests.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Final

from api_base.core.errors import Unavailable

RESOLUTION: Final = 0.001
"""Seconds. The clock of uvloop counts milliseconds: what is due within one counts as due, or the timer would run again and again until then."""


class Waiters[T]:
    """Futures of one event loop that receive a `T`, each with the section of its request. They fail with `Unavailable` after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.line: dict[asyncio.Future[T], tuple[str, float]] = {}
        """Who waits, longest first, with the section and the time of the event loop until which."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, section: str) -> asyncio.Future[T]:
        """Return a future at the end of the line."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self.line[waiter] = section, loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._end_overdue)
        return waiter

    def next(self, admitted: Callable[[str], bool]) -> tuple[asyncio.Future[T], str] | None:
        """Take out the first that still waits and whose section is admitted, with its section."""
        for waiter, (section, _) in self.line.items():
            if not waiter.done() and admitted(section):
                del self.line[waiter]
                return waiter, section
        return None

    def remove(self, waiter: asyncio.Future[T]) -> bool:
        """Take out one whose task was cancelled. Return whether it was still in the line."""
        return self.line.pop(waiter, None) is not None

    def refuse_all(self, error: Callable[[], Exception]) -> None:
        """Fail everyone."""
        self._fail(tuple(self.line), error)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time() + RESOLUTION
        self._fail([waiter for waiter, _ in takewhile(lambda one: one[1][1] <= now, self.line.items())], self._too_long)
        first = next(iter(self.line.values()), None)
        self._timer = None if first is None else loop.call_at(first[1], self._end_overdue)

    def _too_long(self) -> Unavailable:
        return Unavailable(f"No database connection became free within {self._seconds:g} s. Try again later.")

    def _fail(self, waiters: Sequence[asyncio.Future[T]], error: Callable[[], Exception]) -> None:
        for waiter in waiters:
            del self.line[waiter]
            if not waiter.done():
                waiter.set_exception(error())

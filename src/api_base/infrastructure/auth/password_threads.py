"""Threads for what is slow about passwords: few at work, few waiting, and no more than that.

A flood of logins must take neither all of the processor nor half a minute of everybody's patience: whom there is no place for
is told so at once, whatever account was tried.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from api_base.core.errors import Unavailable

WAITING: Final = 16
"""Calls that may wait for each thread: at some 100 ms for a hash, less than two seconds."""


class PasswordThreads:
    """`threads` calls run at once; `waiting` more for each of them may wait."""

    def __init__(self, threads: int, name: str, *, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = threads * (1 + waiting)

    async def run[*A, T](self, function: Callable[[*A], T], *arguments: *A) -> T:
        """`function(*arguments)`, off the event loop. Raises `Unavailable` where too many wait already."""
        if not self._places:
            raise Unavailable("Too many passwords are being checked at the moment. Try again shortly.", retry_after=2.0)
        self._places -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
        finally:
            self._places += 1

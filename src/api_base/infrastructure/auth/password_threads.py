"""Threads for slow password operations: few run, few wait, and further calls are refused.

A flood of logins must neither take the whole processor nor make every client wait for half a minute. The refusal does not depend on the
account.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from api_base.core.errors import Unavailable

WAITING: Final = 16
"""Maximum number of waiting calls for each thread: at about 100 ms for a hash, less than two seconds."""


class PasswordThreads:
    """Runs `threads` calls concurrently; `waiting` more calls may wait for each thread."""

    def __init__(self, threads: int, name: str, *, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads * (1 + waiting)

    async def run[*A, T](self, function: Callable[[*A], T], *arguments: *A) -> T:
        """`function(*arguments)`, off the event loop. Raises `Unavailable` if too many calls wait."""
        if not self._free:
            raise Unavailable("The server is checking too many passwords. Try again in a few seconds.", retry_after=2.0)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
        finally:
            self._free += 1

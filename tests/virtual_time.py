"""An event loop whose time passes only when nothing else is left to do, and then at once: seconds of waiting cost no time.

`@in_virtual_time` runs a coroutine function on one; `asyncio.get_running_loop().time` is its clock.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._elapsed = 0.0
        super().__init__(_Skipping(self._skip))

    def time(self) -> float:
        return self._elapsed

    def _skip(self, seconds: float) -> None:
        self._elapsed += seconds


class _Skipping(selectors.DefaultSelector):
    """Skips the time that the loop is ready to wait. Where it would wait for ever it says so."""

    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("Everything waits, and no timer is set.")
        found = super().select(0)
        if not found:
            self._skip(timeout)
        return found


def in_virtual_time[**P, T](test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(test(*args, **kwargs))

    return run


def now() -> float:
    """Seconds on the running loop's clock."""
    return asyncio.get_running_loop().time()

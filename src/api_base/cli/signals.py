"""SIGINT, SIGTERM and SIGHUP end a command in order: they unwind it, and its `finally`s do the rest."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ECHO_SECONDS: Final = 1.0  # a terminal and a wrapper such as make both pass on one Ctrl-C


class Stop(BaseException):
    """Somebody asked to stop. Not an `Exception`: nothing on the way may take it for a failure."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within, the first signal raises `Stop`; a second one, over a second later, raises it again, and so cuts a slow stop short."""
    asked: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        now = time.monotonic()
        if not asked or (len(asked) == 1 and now - asked[0] > _ECHO_SECONDS):
            asked.append(now)
            raise Stop

    before = [(number, signal.signal(number, stop)) for number in STOPPING]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)

"""The output of a run while it runs."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

EVERY: Final = 2.0
"""Seconds between two lines of progress."""


def say(text: str) -> None:
    print(text, flush=True)


async def progress(figures: Callable[[], str]) -> None:
    """Print a line of progress periodically, forever."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(EVERY)
        say(f"{time.monotonic() - began:5.0f} s  {figures()}")

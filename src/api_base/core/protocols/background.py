"""Work that the worker does again and again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


async def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """`run` is called every `interval` seconds by each worker, and at once when it answers that there is more.

    A NOTIFY on `channel` calls it before its time. It must be safe to run in several workers at once.
    `group` is what `api-base worker --only` selects by. `end` is called once when the worker ends, after the last `run`.
    """

    name: str
    interval: float
    run: Callable[[], Awaitable[bool]]
    group: str = "schedules"
    channel: str | None = None
    end: Callable[[], Awaitable[None]] = _nothing

"""Work that the worker does again and again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """`run` is called every `interval` seconds by each worker; it must be safe to run in several at once."""

    name: str
    interval: float
    run: Callable[[], Awaitable[None]]

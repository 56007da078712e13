"""Retries a message as a whole, from its first read on, when an adapter raises `Transient`.

Adapters raise it only if certainly nothing was committed.
"""

import asyncio
import random
from typing import Any

from api_base.application.common.cqrs import Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import Transient, Unavailable
from api_base.core.protocols import Isolation


class RetryMiddleware:
    """Up to `attempts` attempts; between them a random delay of up to `first_delay` seconds, doubled each time (full jitter)."""

    def __init__(self, attempts: int = 8, first_delay: float = 0.01) -> None:
        self._attempts, self._first_delay = attempts, first_delay

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if getattr(message_type, "isolation", None) is Isolation.NONE:
            return call_next
        attempts, first_delay = self._attempts, self._first_delay

        async def retried(message: Message[Any]) -> Any:
            for attempt in range(1, attempts):
                try:
                    return await call_next(message)
                except Transient:
                    await asyncio.sleep(random.random() * first_delay * 2**attempt)  # noqa: S311 -- jitter is no secret
            try:
                return await call_next(message)
            except Transient as error:
                raise Unavailable(f"Tried {attempts} times: {error}") from error

        return retried

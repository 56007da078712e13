"""Retries a message as a whole, from its first read on, when an adapter raises `Transient`.

Adapters raise it only if it is certain that nothing was committed.
"""

import asyncio
import random
from typing import Any

from api_base.application.common.cqrs import Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import Transient, Unavailable
from api_base.core.protocols import Isolation


class RetryMiddleware:
    """Up to `attempts` attempts; between them a random pause of up to `pause` seconds, doubled each time (full jitter)."""

    def __init__(self, attempts: int = 8, pause: float = 0.01) -> None:
        self._attempts, self._pause = attempts, pause

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if getattr(message_type, "isolation", None) is Isolation.NONE:
            return call_next
        attempts, pause = self._attempts, self._pause

        async def retried(message: Message[Any]) -> Any:
            for attempt in range(1, attempts):
                try:
                    return await call_next(message)
                except Transient:
                    await asyncio.sleep(random.random() * pause * 2**attempt)  # noqa: S311 -- jitter is no secret
            try:
                return await call_next(message)
            except Transient as error:
                raise Unavailable(f"Tried {attempts} times: {error}") from error

        return retried

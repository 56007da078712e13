"""Retries a message as a whole, from its first read on, when an adapter raises `Transient`, or `StaleVersion` for rows that changed meanwhile.

Adapters raise them only if certainly nothing was committed. The next attempt locks the rows of the error before it reads. So the caller meets
another version only if the message names one, and two messages that change the same rows in different orders wait for each other only once.
"""

import asyncio
import random
from typing import Any

from api_base.application.common.cqrs import Message
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import StaleVersion, Transient, Unavailable
from api_base.core.protocols import Isolation
from api_base.core.types import rows_to_lock


class RetryMiddleware:
    """Up to `attempts` attempts. Each after `Transient` waits a random time of up to `first_delay` seconds, doubled with each attempt (full jitter)."""

    def __init__(self, attempts: int = 8, first_delay: float = 0.01) -> None:
        self._attempts, self._first_delay = attempts, first_delay

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if getattr(message_type, "isolation", None) is Isolation.NONE:
            return call_next
        attempts, first_delay = self._attempts, self._first_delay

        async def retried(message: Message[Any]) -> Any:
            try:
                return await call_next(message)
            except (Transient, StaleVersion) as error:
                if not _retriable(error):
                    raise
                failure = error
            token = rows_to_lock.set(())
            try:
                for attempt in range(1, attempts):
                    rows_to_lock.set((*rows_to_lock.get(), *failure.rows))
                    if isinstance(failure, Transient):
                        await asyncio.sleep(random.random() * first_delay * 2**attempt)  # noqa: S311 -- jitter is no secret
                    try:
                        return await call_next(message)
                    except (Transient, StaleVersion) as error:
                        if not _retriable(error):
                            raise
                        failure = error
                raise Unavailable(f"Tried {attempts} times: {failure}") from failure
            finally:
                rows_to_lock.reset(token)
                del failure  # it has this frame in its traceback

        return retried


def _retriable(error: Transient | StaleVersion) -> bool:
    """Return whether another attempt can succeed. An error of a version that names no rows says that the caller's version is stale."""
    return isinstance(error, Transient) or bool(error.rows)

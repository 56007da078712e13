"""SUBSCRIBE on a connection of its own, with a heartbeat. It reconnects, and says what it may have missed."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from redis.asyncio.client import PubSub

from api_base.core.shared.logging import get_logger
from api_base.infrastructure.redis.address import RedisAddress
from api_base.infrastructure.redis.driver import close, subscriber_at

logger = get_logger(__name__)

HEARTBEAT: Final = 0.2
MAX_SILENCE: Final = 0.6
RECONNECT: Final = 0.5
NEVER: Final = float("-inf")


class RedisSubscription:
    """Calls `on_message` for each message on `channel`. Times in seconds.

    What messages invalidate is valid until `fresh_until`: the server answered on this connection within the last `MAX_SILENCE` seconds, so no
    older message is missing. After a gap `on_gap` is called before it is fresh again.
    """

    def __init__(self, address: RedisAddress, channel: str, on_message: Callable[[bytes], None], on_gap: Callable[[], None]) -> None:
        self._address, self._channel = address, channel
        self._on_message, self._on_gap = on_message, on_gap
        self.fresh_until = NEVER
        """The value of `time.monotonic()` until which no message older than `MAX_SILENCE` seconds is missing."""
        self._task: asyncio.Task[None] | None = None
        self._attempt = 0

    def open(self) -> None:
        """Subscribe in a task, unless it runs."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"subscribe:{self._channel}")

    async def close(self) -> None:
        """End the subscription; `open` begins another one."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.fresh_until = NEVER

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # whatever it was, another connection is the answer
                logger.warning("subscription_lost", channel=self._channel, reason=str(error) or type(error).__name__)
            self.fresh_until = NEVER
            self._attempt += 1
            await asyncio.sleep(RECONNECT)

    async def _listen(self) -> None:
        redis = subscriber_at(self._address, MAX_SILENCE, self._attempt)
        try:
            async with redis.pubsub() as subscribed:
                await subscribed.subscribe(self._channel)
                while True:
                    sent = time.monotonic()
                    await subscribed.ping()
                    if not await self._answered(subscribed, sent + MAX_SILENCE):
                        raise TimeoutError("The server is silent.")
                    self.fresh_until = sent + MAX_SILENCE
                    await self._answered(subscribed, sent + HEARTBEAT)
        finally:
            await close(redis)

    async def _answered(self, subscribed: PubSub, until: float) -> bool:
        """Receive messages until the answer to a ping, or until the time is over; return whether there was one.

        redis-py reconnects by itself: each confirmed subscription is a gap, and comes before the answer to a later ping.
        """
        while (seconds := until - time.monotonic()) > 0:
            message = await subscribed.get_message(timeout=seconds)
            kind = None if message is None else message["type"]
            if kind == "message":
                self._on_message(message["data"])
            elif kind == "subscribe":
                self._on_gap()
            elif kind == "pong":
                return True
        return False

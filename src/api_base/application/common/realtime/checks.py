"""Checks the subscriptions of sessions whose permissions changed. A session has one task for it, and all of them share few places."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from api_base.application.common.realtime.journal import ChannelKey
from api_base.application.common.realtime.session import RealtimeSession
from api_base.core.errors import Forbidden, NotFound, Unauthenticated
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)

CONCURRENT_CHECKS: Final = 8


class SubscriptionChecks:
    """`authorize` raises the error of a session that may not subscribe to a channel; `detach` ends a subscription."""

    def __init__(
        self, authorize: Callable[[RealtimeSession, str], Awaitable[ChannelKey]], detach: Callable[[RealtimeSession, str], None]
    ) -> None:
        self._authorize, self._detach = authorize, detach
        self._places = asyncio.Semaphore(CONCURRENT_CHECKS)

    async def run(self, session: RealtimeSession) -> None:
        """Check what is unchecked now. The next round of the hub repeats what could not be checked."""
        try:
            for channel in tuple(session.unchecked):
                if not session.closed:
                    await self._check(session, channel)
        finally:
            session.checking = False

    async def _check(self, session: RealtimeSession, channel: str) -> None:
        session.unchecked.discard(channel)
        try:
            async with self._places:
                await self._authorize(session, channel)
        except (Forbidden, NotFound, Unauthenticated) as error:
            if channel in session.feeds:
                self._detach(session, channel)
                session.receiver.ended(channel, error.public_message)
        except Exception as error:  # whatever it is, the right is not proven: the next round repeats the check
            logger.info("subscription_not_checked", reason=str(error) or type(error).__name__)
            session.unchecked.add(channel)

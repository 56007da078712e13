"""A channel that connections of this process receive: read once from the journal, however many they are.

Offsets are contiguous within an epoch and in the order of commits. So a feed that has delivered everything up to its position reads what comes
after it; a first offset that is not the next one, or another epoch, is a gap, and every receiver gets a reset.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from api_base.application.common.realtime.journal import ChannelJournal, ChannelKey, JournaledEvent, JournalPage, missing_none
from api_base.application.common.realtime.session import RealtimeSession
from api_base.application.common.realtime.values import ChannelEvent, Position
from api_base.core.errors import ApiBaseError
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)

PAGE: Final = 200
RETRY_SECONDS: Final = 0.2


class Feed:
    """`position` is the last one that live receivers have received. `resets` counts the gaps."""

    def __init__(
        self,
        key: ChannelKey,
        journal: ChannelJournal,
        reading: asyncio.Semaphore,
        on_reset: Callable[[int], None],
        on_delivered: Callable[[float], None],
    ) -> None:
        self.key, self._journal, self._reading, self._on_reset, self._on_delivered = key, journal, reading, on_reset, on_delivered
        self.position: Position | None = None
        self.receivers: dict[RealtimeSession, None] = {}
        self._held: dict[RealtimeSession, list[Callable[[], None]]] = {}
        self.joining = 0
        self.opening = asyncio.Lock()
        self._behind = False
        self._task: asyncio.Task[None] | None = None

    @property
    def unused(self) -> bool:
        """Whether no connection receives it or is about to."""
        return not self.receivers and not self.joining

    def signal(self) -> None:
        """There may be new events: read them, unless a read that begins later finds them anyway."""
        self._behind = True
        if self._task is None and self.position is not None:
            self._task = asyncio.get_running_loop().create_task(self._follow(), name=f"feed:{self.key.name}")

    def stop(self) -> None:
        """Read nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def open(self) -> Position:
        """Return the position, which the first receiver takes from the journal."""
        async with self.opening:
            if self.position is None:
                self.position = await self._journal.open(self.key)
                self.signal()
            return self.position

    async def recover(self, after: Position, limit: int) -> Sequence[JournaledEvent] | None:
        """Return the events after a position, up to that of the feed at the return; None if some may be missing.

        Nothing is suspended between the last comparison and the return: the caller attaches its receiver exactly where the events end.
        """
        found: list[JournaledEvent] = []
        offset, reads = after.offset, 0
        while len(found) <= limit and reads <= 2 + limit // PAGE:
            here = await self.open()
            if here.epoch != after.epoch:
                return None
            if found and offset >= here.offset >= after.offset:
                return [one for one in found if one.event.position.offset <= here.offset]
            if offset == here.offset:
                return found
            page, reads = await self._journal.read(self.key, offset, PAGE), reads + 1
            if page is None or page.position.epoch != after.epoch or not missing_none(offset, page):
                return None
            if after.offset > here.offset:  # another process delivered more than this one has read
                await self._caught_up()
            elif page.events:
                found += page.events
                offset = found[-1].event.position.offset
        return None

    async def _caught_up(self) -> None:
        self.signal()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _follow(self) -> None:
        try:
            while self._behind:
                self._behind = False
                try:
                    async with self._reading:
                        await self._read()
                except (ApiBaseError, OSError, TimeoutError) as error:
                    logger.warning("channel_not_read", channel=self.key.name, reason=str(error) or type(error).__name__)
                    self._behind = True
                    await asyncio.sleep(RETRY_SECONDS * (1 + random.random()))  # noqa: S311 spreads the retries
        finally:
            self._task = None

    async def _read(self) -> None:
        assert self.position is not None  # `signal` starts nothing before `open`
        before = self.position
        page = await self._journal.read(self.key, before.offset, PAGE)
        if page is None:
            page = JournalPage(await self._journal.open(self.key), ())
        if page.position.epoch != before.epoch or page.position.offset < before.offset or not missing_none(before.offset, page):
            self.position = page.position
            self._on_reset(len(self.receivers))
            for session in tuple(self.receivers):
                self._pass(session, partial(session.receiver.reset, self.key.name, page.position))
        elif page.events:
            self.position = page.events[-1].event.position
            self.deliver(page.events)
            now = time.time()
            for one in page.events:
                self._on_delivered(max(now - one.event.at.timestamp(), 0.0))
            self._behind = self._behind or page.position.offset > self.position.offset

    def hold(self, session: RealtimeSession, first: Callable[[], None]) -> None:
        """Call `first` in the next turn of the event loop, and pass what is delivered until then after it."""
        self._held[session] = [first]
        asyncio.get_running_loop().call_soon(self._release, session)

    def _release(self, session: RealtimeSession) -> None:
        for call in self._held.pop(session, ()):
            if session in self.receivers:
                call()

    def _pass(self, session: RealtimeSession, call: Callable[[], None]) -> None:
        if session in self._held:
            self._held[session].append(call)
        else:
            call()

    def deliver(self, events: Sequence[JournaledEvent]) -> None:
        """Pass events to every receiver that may have them."""
        everyone = [one.event for one in events]
        limited = any(one.permission is not None for one in events)
        for session in tuple(self.receivers):
            visible = allowed(events, session) if limited else everyone
            if visible and session in self.receivers:
                self._pass(session, partial(session.receiver.deliver, visible))


def allowed(events: Sequence[JournaledEvent], session: RealtimeSession) -> list[ChannelEvent]:
    """Return the events that the principal of a session may receive."""
    held = session.principal.permissions
    return [one.event for one in events if one.permission is None or one.permission in held]

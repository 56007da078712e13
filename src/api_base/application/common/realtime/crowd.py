"""Who is present in a channel, as connections of this process receive it.

A user is one member, with any number of connections in any number of processes. Only those who subscribe with presence are members, and
only they receive the changes.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from api_base.application.common.realtime.journal import ChannelKey, Presence
from api_base.application.common.realtime.session import RealtimeSession
from api_base.application.common.realtime.values import Member, PresenceChange
from api_base.core.errors import ApiBaseError

PRESENCE: Final = "presence"
"""The name of the tasks that end by themselves soon."""


class Crowd:
    """`watching` are the sessions that receive the changes."""

    def __init__(self, key: ChannelKey, presence: Presence) -> None:
        self.key, self._presence = key, presence
        self.watching: dict[RealtimeSession, frozenset[Member]] = {}
        self._connections: Counter[Member] = Counter()
        self._order, self._reading = asyncio.Lock(), asyncio.Lock()
        self.moving = 0
        """Sessions that are entering or leaving."""
        self.due = False
        """Whether a read of the members will begin."""

    @property
    def unused(self) -> bool:
        """Whether no session is present, about to be, or about to leave."""
        return not self.watching and not self.moving

    async def enter(self, session: RealtimeSession) -> None:
        """Add the user of a session. Raises `TooManyRequests` when the channel has too many members."""
        member = Member(session.principal.user_id)
        async with self._order:
            if not self._connections[member]:
                await self._presence.enter(self.key, member)
            self._connections[member] += 1
            self.watching[session] = frozenset()

    async def leave(self, session: RealtimeSession) -> None:
        """Count one session of its user less, and remove the user with the last one. The session no longer watches."""
        member = Member(session.principal.user_id)
        async with self._order:
            self._connections[member] -= 1
            if not self._connections[member]:
                del self._connections[member]
                await self._presence.leave(self.key, member)

    async def refresh(self) -> None:
        """Read the members, and send each session what changed for it. One read at a time; what is due meanwhile is read once, after it."""
        self.due = True
        async with self._reading:
            if not self.due:
                return
            self.due = False
            present = frozenset(await self._presence.members(self.key))
            for session, known in tuple(self.watching.items()):
                if present != known and session in self.watching:
                    self.watching[session] = present
                    session.receiver.presence(self.key.name, PresenceChange(sorted(present - known), sorted(known - present)))


class Crowds:
    """The crowds of a process. `spawn` runs work in a task of the hub."""

    def __init__(self, presence: Presence, spawn: Callable[[Coroutine[Any, Any, None], str], None]) -> None:
        self._presence, self._spawn = presence, spawn
        self._crowds: dict[ChannelKey, Crowd] = {}

    async def enter(self, session: RealtimeSession, key: ChannelKey) -> None:
        """Add a session to a channel. Raises what `Crowd.enter` raises."""
        crowd = self._crowds.setdefault(key, Crowd(key, self._presence))
        crowd.moving += 1
        try:
            await crowd.enter(session)
        finally:
            crowd.moving -= 1
            self._drop_unused(crowd)
        self.signal(key)

    def leave(self, session: RealtimeSession, key: ChannelKey) -> None:
        """Remove a session from a channel, if it is present there. It receives no further change."""
        crowd = self._crowds.get(key)
        if crowd is not None and crowd.watching.pop(session, None) is not None:
            crowd.moving += 1
            self._spawn(self._left(crowd, session), PRESENCE)

    def signal(self, key: ChannelKey) -> None:
        """The members of a channel may have changed: read them, unless a read that begins later finds the change anyway."""
        crowd = self._crowds.get(key)
        if crowd is not None and not crowd.due:
            crowd.due = True
            self._spawn(_quietly(crowd.refresh()), PRESENCE)

    async def renew(self) -> None:
        """Extend the lease of the members of this process. It waits for no read: the lease is short."""
        if self._crowds:
            await _quietly(self._presence.renew())

    async def refresh(self) -> None:
        """Read the members of every channel."""
        for crowd in tuple(self._crowds.values()):
            await _quietly(crowd.refresh())

    async def close(self) -> None:
        """Remove every member of this process."""
        for crowd in tuple(self._crowds.values()):
            while crowd.watching:
                session, _ = crowd.watching.popitem()
                crowd.moving += 1
                await self._left(crowd, session)

    async def _left(self, crowd: Crowd, session: RealtimeSession) -> None:
        try:
            await _quietly(crowd.leave(session))
        finally:
            crowd.moving -= 1
            self._drop_unused(crowd)

    def _drop_unused(self, crowd: Crowd) -> None:
        if crowd.unused and self._crowds.get(crowd.key) is crowd:
            del self._crowds[crowd.key]


async def _quietly(work: Awaitable[object]) -> None:
    """Do work that the next round repeats, or that the end of a lease makes up for."""
    with contextlib.suppress(ApiBaseError):
        await work

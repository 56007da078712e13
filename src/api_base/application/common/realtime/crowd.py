"""Who is present in a channel, as connections of this process receive it.

A user is one member, with any number of connections in any number of processes. Only those who subscribe with presence are members, and
only they receive the changes.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

from api_base.application.common.realtime.journal import ChannelKey, Presence
from api_base.application.common.realtime.session import RealtimeSession
from api_base.application.common.realtime.values import Member, PresenceChange


class Crowd:
    """`watching` are the sessions that receive the changes."""

    def __init__(self, key: ChannelKey, presence: Presence) -> None:
        self.key, self._presence = key, presence
        self.watching: dict[RealtimeSession, frozenset[Member]] = {}
        self._connections: Counter[Member] = Counter()
        self._order = asyncio.Lock()

    async def enter(self, session: RealtimeSession) -> None:
        """Add the user of a session. Raises `TooManyRequests` when the channel has too many members."""
        member = Member(session.principal.user_id)
        async with self._order:
            if not self._connections[member]:
                await self._presence.enter(self.key, member)
            self._connections[member] += 1
            self.watching[session] = frozenset()

    async def leave(self, session: RealtimeSession) -> None:
        """Remove a session, and its user with the last one."""
        member = Member(session.principal.user_id)
        async with self._order:
            if self.watching.pop(session, None) is None:
                return
            self._connections[member] -= 1
            if not self._connections[member]:
                del self._connections[member]
                await self._presence.leave(self.key, member)

    async def refresh(self) -> Sequence[Member]:
        """Read the members, and send each session what changed for it."""
        members = await self._presence.members(self.key)
        present = frozenset(members)
        for session, known in tuple(self.watching.items()):
            if present != known and session in self.watching:
                self.watching[session] = present
                session.receiver.presence(self.key.name, PresenceChange(sorted(present - known), sorted(known - present)))
        return members

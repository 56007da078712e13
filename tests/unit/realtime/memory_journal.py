"""The journal and the presence of the hub in memory, and a receiver that keeps what it gets."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from api_base.application.common.realtime import (
    ChannelEvent,
    ChannelKey,
    JournaledEvent,
    JournalPage,
    Member,
    Position,
    PresenceChange,
)


class MemoryJournal:
    """Implements `ChannelJournal`. `keep` is how many events a channel keeps. Each call suspends, as a database does."""

    def __init__(self, keep: int = 1000) -> None:
        self._keep = keep
        self.events: dict[ChannelKey, list[JournaledEvent]] = {}
        self.positions: dict[ChannelKey, Position] = {}
        self.reads = 0

    async def open(self, key: ChannelKey) -> Position:
        await asyncio.sleep(0)
        position = self.positions.setdefault(key, Position(uuid4().hex[:8], 0))
        await asyncio.sleep(0)
        return position

    async def read(self, key: ChannelKey, after: int, limit: int) -> JournalPage | None:
        self.reads += 1
        await asyncio.sleep(0)
        if key not in self.positions:
            return None
        found = [one for one in self.events.get(key, []) if one.event.position.offset > after][:limit]
        page = JournalPage(self.positions[key], found)
        await asyncio.sleep(0)
        return page

    def append(self, key: ChannelKey, *, permission: str | None = None, name: str = "things.happened.v1") -> ChannelEvent | None:
        """Add an event, if the channel exists, as the sequencer does."""
        last = self.positions.get(key)
        if last is None:
            return None
        position = self.positions[key] = Position(last.epoch, last.offset + 1)
        event = ChannelEvent(key.name, position, uuid4(), name, datetime.now(UTC), b"{}")
        self.events.setdefault(key, []).append(JournaledEvent(event, permission))
        del self.events[key][: -self._keep]
        return event

    def restart(self, key: ChannelKey) -> None:
        """Lose everything, as a restored backup does."""
        self.events.pop(key, None)
        self.positions.pop(key, None)


class MemoryPresence:
    """Implements `Presence`."""

    def __init__(self) -> None:
        self.present: dict[ChannelKey, set[Member]] = {}
        self.reads = 0

    async def enter(self, key: ChannelKey, member: Member) -> None:
        self.present.setdefault(key, set()).add(member)

    async def leave(self, key: ChannelKey, member: Member) -> None:
        self.present[key].discard(member)

    async def members(self, key: ChannelKey) -> Sequence[Member]:
        self.reads += 1
        found = sorted(self.present.get(key, ()))
        await asyncio.sleep(0)  # as a database does
        return found

    async def renew(self) -> None:
        return None


class Recording:
    """Implements `Receiver`: `got` are the events in order, with None for each reset."""

    def __init__(self) -> None:
        self.got: list[ChannelEvent | None] = []
        self.resets: list[Position] = []
        self.ends: list[tuple[str, str]] = []
        self.crowd: set[UUID] = set()
        self.ended_because: list[str] = []

    def deliver(self, events: Sequence[ChannelEvent]) -> None:
        self.got.extend(events)

    def reset(self, channel: str, position: Position) -> None:
        self.got.append(None)
        self.resets.append(position)

    def ended(self, channel: str, reason: str) -> None:
        self.ends.append((channel, reason))

    def presence(self, channel: str, change: PresenceChange) -> None:
        self.crowd = self.crowd | {one.user_id for one in change.joined} - {one.user_id for one in change.left}
        self.crowd -= {one.user_id for one in change.left}

    def offsets(self) -> list[int]:
        return [one.position.offset for one in self.got if one is not None]

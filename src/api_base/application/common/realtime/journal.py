"""Ports of real-time delivery: the journal of channels, and who is present in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from api_base.application.common.realtime.values import ChannelEvent, Member, Position


class ChannelKey(NamedTuple):
    """Identifies a channel. `owner` is the tenant that owns it; a `personal` channel belongs to a user, whose id `owner` is."""

    personal: bool
    owner: UUID
    name: str


@dataclass(frozen=True, slots=True)
class JournaledEvent:
    """An event in the journal. Only principals with `permission` may receive it; None means every subscriber of the channel."""

    event: ChannelEvent
    permission: str | None


@dataclass(frozen=True, slots=True)
class JournalPage:
    """`position` is the last one of the channel. `events` are the oldest ones after the given offset that the journal still holds."""

    position: Position
    events: Sequence[JournaledEvent]


class ChannelJournal(Protocol):
    """The events of each channel, in the order of their commits."""

    async def open(self, key: ChannelKey) -> Position:
        """Return the last position of a channel. Its events are kept from now on. Raises `Unavailable`."""

    async def read(self, key: ChannelKey, after: int, limit: int) -> JournalPage | None:
        """Return the first `limit` events after an offset; None if the channel does not exist. Raises `Unavailable`."""


class Presence(Protocol):
    """Which users are connected to a channel, in all processes. A process that dies loses its members after some seconds."""

    async def enter(self, key: ChannelKey, member: Member) -> None:
        """Add a member of this process. Raises `TooManyRequests` when the channel has too many members."""

    async def leave(self, key: ChannelKey, member: Member) -> None:
        """Remove a member of this process."""

    async def members(self, key: ChannelKey) -> Sequence[Member]:
        """Return the members of a channel, in order."""

    async def renew(self) -> None:
        """Extend the lease of this process' members. Call it every few seconds."""


def missing_none(after: int, page: JournalPage) -> bool:
    """Return whether the events of a page follow an offset without a gap."""
    return all(one.event.position.offset == after + number for number, one in enumerate(page.events, 1)) and (
        bool(page.events) or page.position.offset == after
    )

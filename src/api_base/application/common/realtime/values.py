"""What the hub exchanges with the connections of its process."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self
from uuid import UUID

from api_base.core.errors import Invalid

MAX_OFFSET: Final = 2**63 - 1
_POSITION: Final = re.compile(r"([0-9a-f]{1,64}):(0|[1-9][0-9]{0,18})").fullmatch


@dataclass(frozen=True, slots=True)
class Position:
    """Where a channel stands. `offset` grows by one with each event within an epoch, in the order of commits.

    >>> str(Position.parse("0a1b:12"))
    '0a1b:12'
    """

    epoch: str
    offset: int

    def __str__(self) -> str:
        """The text form, `<epoch>:<offset>`."""
        return f"{self.epoch}:{self.offset}"

    @classmethod
    def parse(cls, text: str, pointer: str = "/after") -> Self:
        """Return the position that `text` spells. Raises `Invalid` at `pointer` for any other text."""
        match = _POSITION(text)
        if match is None or (offset := int(match[2])) > MAX_OFFSET:
            raise Invalid.of(pointer, "position", "must be a position that the server sent, such as 0a1b2c3d:12")
        return cls(match[1], offset)


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """An event of a channel, with its public payload. `id` is that of the domain event; the nil UUID for a change that is none.

    `data` is JSON, encoded once for all receivers of the process. `traceparent` is that of the request that caused it, or empty; no client
    receives it."""

    channel: str
    position: Position
    id: UUID
    name: str
    at: datetime
    data: bytes
    traceparent: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A user who is present in a channel, with any number of connections."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """Who joined a channel, and who left it, since the last change."""

    joined: Sequence[Member]
    left: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """`position` is where live delivery begins. `recovered` is None without an `after`.

    It is true only if every event after that position follows, and false if some may be missing: read the state again.
    """

    position: Position
    recovered: bool | None


class Receiver(Protocol):
    """What a connection gives the hub. Called in the event loop: it must not block, and its queue is bounded by the connection."""

    def deliver(self, events: Sequence[ChannelEvent]) -> None:
        """Take events of one channel, in order."""

    def reset(self, channel: str, position: Position) -> None:
        """Something is missing: the client reads the state again. Events after `position` follow."""

    def ended(self, channel: str, reason: str) -> None:
        """The subscription has ended: the permission for the channel is gone."""

    def presence(self, channel: str, change: PresenceChange) -> None:
        """Take a change of who is present. The first one after a subscription names all members."""

"""Signals that channels have new events or other members. They name channels, never content: a forged one causes one read."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol
from uuid import UUID

from api_base.application.common.realtime import ChannelKey
from api_base.core.protocols import Resource
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool

logger = get_logger(__name__)

EVENTS: Final = "channel_events"
"""NOTIFY channel: channels have new events."""
MEMBERS: Final = "channel_members"
"""NOTIFY channel: channels have other members."""
MAX_PAYLOAD: Final = 7900
"""Bytes of a payload; PostgreSQL allows fewer than 8000."""
NOTIFY: Final = "select pg_notify($1, payload) from unnest($2::text[]) as payload"


class Signals(Protocol):
    """Carries signals about new events from the process that stores them to those that deliver them."""

    def listen(self, on_payload: Callable[[str], None], on_gap: Callable[[], None]) -> Resource | None:
        """Return what receives the signals beside the notifications of PostgreSQL, which every process receives. None for nothing else.

        `on_gap` is called when signals may have been lost.
        """

    async def within(self, connection: Connection, keys: Sequence[ChannelKey]) -> None:
        """Add the signals to the open transaction, if they can be part of it."""

    async def after(self, keys: Sequence[ChannelKey]) -> None:
        """Send the signals that could not, after the commit. A lost one is found by polling."""

    async def close(self) -> None:
        """Close the connection for sending."""


class DatabaseSignals(Signals):
    """Implements `Signals` by NOTIFY: signals commit with the events."""

    async def within(self, connection: Connection, keys: Sequence[ChannelKey]) -> None:
        if keys:
            await connection.execute(NOTIFY, EVENTS, list(payloads(keys)))

    async def after(self, keys: Sequence[ChannelKey]) -> None:
        """Nothing is left to send."""

    def listen(self, on_payload: Callable[[str], None], on_gap: Callable[[], None]) -> Resource | None:
        return None

    async def close(self) -> None:
        """Nothing is open."""


async def notify_members(pool: ConnectionPool, key: ChannelKey) -> None:
    """Signal that the members of a channel changed."""
    await pool.run(lambda connection: connection.execute(NOTIFY, MEMBERS, list(payloads([key]))))


def payloads(keys: Sequence[ChannelKey]) -> Iterator[str]:
    """Yield payloads that name the channels."""
    part: list[str] = []
    size = 2
    for key in keys:
        one = json.dumps(["u" if key.personal else "t", str(key.owner), key.name], separators=(",", ":"))
        if part and size + len(one) + 1 > MAX_PAYLOAD:
            yield f"[{','.join(part)}]"
            part, size = [], 2
        part.append(one)
        size += len(one) + 1
    if part:
        yield f"[{','.join(part)}]"


def reader(signal: Callable[[ChannelKey], None]) -> Callable[[str], None]:
    """Return a function that passes the channels of a payload on. Anybody who may connect may send one: an unreadable payload is ignored."""

    def read(payload: str) -> None:
        try:
            keys = [ChannelKey(kind == "u", UUID(owner), str(name)) for kind, owner, name in json.loads(payload)]
        except (ValueError, TypeError, AttributeError, RecursionError):
            logger.warning("signal_unreadable", characters=len(payload))
            return
        for key in keys:
            signal(key)

    return read

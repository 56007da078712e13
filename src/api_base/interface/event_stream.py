"""Events of channels as Server-Sent Events [HTML, section 9.2]."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from api_base.application.common.realtime import ChannelEvent, Position, PresenceChange, Realtime, RealtimeSession
from api_base.core.errors import Invalid, Unauthenticated
from api_base.core.types import RequestContext

HEARTBEAT_SECONDS: Final = 15.0
RETRY_MILLISECONDS: Final = 2000
MAX_QUEUED: Final = 1000
"""Events that wait for a client before those of one delivery. A slower one is disconnected, and resumes from the journal when it returns."""
MAX_QUEUED_BYTES: Final = 1_048_576
"""Bytes that wait for a client."""
MAX_ID_LENGTH: Final = 8192


class EventStream:
    """Implements `Receiver`: the content of one response. The id of each event holds the positions of all its channels."""

    def __init__(self, hub: Realtime, context: RequestContext, expires_at: float) -> None:
        self._queue: deque[bytes] = deque()
        self._figures = hub.figures
        self._bytes = 0
        self._filled = asyncio.Event()
        self._positions: dict[str, Position] = {}
        self._ended: str | None = None
        self.session: RealtimeSession = hub.open(context, expires_at, self, self._end)

    async def subscribe(self, channels: Sequence[str], after: dict[str, Position]) -> None:
        """Subscribe to all channels. Raises what `RealtimeSession.subscribe` raises; the session is then closed."""
        self._positions = {channel: after[channel] for channel in channels if channel in after}  # in the id from the first event on
        try:
            for channel in channels:
                done = await self.session.subscribe(channel, after.get(channel))
                self._positions[channel] = after[channel] if done.recovered else done.position
                self._put("subscribed", {"channel": channel, "position": str(done.position), "recovered": done.recovered})
        except BaseException as error:
            if isinstance(error, Unauthenticated) and self._ended is not None:
                return  # too much waited for the client: what waits is sent, and the client resumes
            self.discard()
            raise

    def deliver(self, events: Sequence[ChannelEvent]) -> None:
        """Add events, or end the stream if too much waits. What waits is sent: a client with much to recover gets further each time."""
        if len(self._queue) >= MAX_QUEUED:
            self._leave_slow()
            return
        for event in events:
            if self._bytes >= MAX_QUEUED_BYTES:
                self._leave_slow()
                return
            self._positions[event.channel] = event.position
            head = json.dumps(
                {
                    "channel": event.channel,
                    "position": str(event.position),
                    "id": str(event.id),
                    "name": event.name,
                    "at": event.at.isoformat(),
                }
            ).encode()
            self._append(b'event: event\ndata: %b,"data":%b}\n' % (head[:-1], event.data))

    def reset(self, channel: str, position: Position) -> None:
        self._positions[channel] = position
        self._put("reset", {"channel": channel, "position": str(position)})

    def ended(self, channel: str, reason: str) -> None:
        self._positions.pop(channel, None)
        self._put("ended", {"channel": channel, "reason": reason})

    def presence(self, channel: str, change: PresenceChange) -> None:
        """Streams subscribe without presence."""

    async def parts(self) -> AsyncGenerator[bytes]:
        """Yield the stream until the session ends or the client is too slow."""
        try:
            yield b"retry: %d\n\n" % RETRY_MILLISECONDS
            while True:
                while self._queue:
                    part = self._queue.popleft()
                    self._bytes -= len(part)
                    self._figures.queued -= 1
                    yield part
                if self._ended is not None:
                    return
                self._filled.clear()
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await self._filled.wait()
                except TimeoutError:
                    yield b": \n\n"
        finally:
            self.discard()

    def leave(self, reason: str) -> None:
        """End the stream: its client has left, or the process stops."""
        self.session.close()
        self._end(reason)

    def discard(self) -> None:
        """Close the session, and forget what waits."""
        self.session.close()
        self._ended = self._ended or "left"
        self._figures.queued -= len(self._queue)
        self._queue.clear()

    def _leave_slow(self) -> None:
        if self._ended is None:
            self._figures.slow += 1
        self.leave("slow")

    def _put(self, kind: str, data: object) -> None:
        self._append(b"event: %b\ndata: %b\n" % (kind.encode(), json.dumps(data).encode()))

    def _append(self, text: bytes) -> None:
        if self._ended is not None:
            return
        self._add(text + b"id: %b\n\n" % self._id().encode())

    def _add(self, part: bytes) -> None:
        self._queue.append(part)
        self._bytes += len(part)
        self._figures.queued += 1
        self._filled.set()

    def _id(self) -> str:
        return ",".join(f"{channel}={position}" for channel, position in self._positions.items())

    def _end(self, reason: str) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        self._add(b'event: end\ndata: {"reason":"%b"}\n\n' % reason.encode())


def positions_of(last_event_id: str | None) -> dict[str, Position]:
    """Return the positions in a Last-Event-ID. Raises `Invalid` for a text that the server did not send."""
    if not last_event_id:
        return {}
    pointer = "/header/Last-Event-ID"
    if len(last_event_id) > MAX_ID_LENGTH:
        raise Invalid.of(pointer, "too_long", f"must have at most {MAX_ID_LENGTH} characters")
    found: dict[str, Position] = {}
    for part in last_event_id.split(","):
        channel, equals, position = part.rpartition("=")
        if not equals or not channel or channel in found:
            raise Invalid.of(pointer, "position", "must be the id of an event that this stream sent")
        found[channel] = Position.parse(position, pointer)
    return found


def channels_of(text: str, most: int) -> list[str]:
    """Return the channels of a query parameter. Raises `Invalid` for none, too many, or one twice."""
    channels = text.split(",")
    if not text or len(channels) > most or len(set(channels)) < len(channels):
        raise Invalid.of("/query/channels", "channels", f"must be 1 to {most} names of channels, separated by commas, each once")
    return channels

"""The frames that wait for a client that reads slowly: a bounded queue, from which the oldest are dropped if their sender permits it."""

from collections import deque
from collections.abc import Callable
from typing import Final

from api_base.interface.websocket.registry import OpenSockets

HIGH_WATER: Final = 65_536
"""Bytes in the transport above which further messages wait in the queue."""


class SendQueue:
    """Bounded by `max_queue_messages` and `max_queue_bytes` of the settings."""

    __slots__ = ("_bytes", "_dropped", "_frames", "_sockets")

    def __init__(self, sockets: OpenSockets) -> None:
        self._sockets = sockets
        self._frames: deque[tuple[bytes, bool]] = deque()
        self._bytes = self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, frame: bytes, *, droppable: bool, dropping: bool) -> bool:
        """Let a frame wait; a full queue loses its oldest droppable ones if it is `dropping`. Return False if it is full all the same."""
        self._frames.append((frame, droppable))
        self._bytes += len(frame)
        self._sockets.queued(1)
        if self._full and dropping:
            self._drop_oldest()
        return not self._full

    def write(self, write: Callable[[bytes], None], paused: Callable[[], bool]) -> int:
        """Write what waits, in order, until the transport is `paused`. Once nothing waits, return how many frames were dropped, else 0."""
        sent = 0
        while self._frames and not paused():
            frame, _ = self._frames.popleft()
            self._bytes -= len(frame)
            sent += 1
            write(frame)
        self._sockets.queued(-sent)
        if self._frames:
            return 0
        dropped, self._dropped = self._dropped, 0
        return dropped

    def clear(self) -> None:
        """Forget what waits."""
        self._sockets.queued(-len(self._frames))
        self._frames.clear()
        self._bytes = 0

    @property
    def _full(self) -> bool:
        settings = self._sockets.settings
        return len(self._frames) > settings.max_queue_messages or self._bytes > settings.max_queue_bytes

    def _drop_oldest(self) -> None:
        """Make the queue half empty, so that it is not searched for each further message."""
        settings, kept, dropped = self._sockets.settings, deque[tuple[bytes, bool]](), 0
        left, size = len(self._frames), self._bytes
        for frame, droppable in self._frames:
            if droppable and (left > settings.max_queue_messages // 2 or size > settings.max_queue_bytes // 2):
                left, size, dropped = left - 1, size - len(frame), dropped + 1
            else:
                kept.append((frame, droppable))
        self._frames, self._bytes = kept, size
        self._dropped += dropped
        self._sockets.queued(-dropped)
        self._sockets.dropped(dropped)

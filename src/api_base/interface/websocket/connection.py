"""A WebSocket after its handshake: the library keeps the protocol of frames [RFC 6455, 7692], this class what a client may take.

A message for many clients is one frame in memory. A client that reads slowly has a bounded queue, and nothing is read from it meanwhile. A
connection has one deadline at a time, which the sweep of the server checks.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Final

from websockets.exceptions import InvalidState, PayloadTooBig
from websockets.extensions import Extension
from websockets.frames import Frame, Opcode

from api_base.core.shared.logging import get_logger
from api_base.core.types import Principal, RequestContext, UserId, current_context
from api_base.interface.websocket import socket as codes
from api_base.interface.websocket.incoming import MAX_WAITING, IncomingMessages, ServerProtocol, UnacceptableFrame
from api_base.interface.websocket.registry import OpenSockets
from api_base.interface.websocket.send_queue import HIGH_WATER, SendQueue
from api_base.interface.websocket.socket import Serve, SocketClosed, TextMessage, WebSocketOptions

logger = get_logger(__name__)

LINGER_SECONDS: Final = 1.0  # that a client has to answer a close frame
MAX_DISCARDED: Final = 1_048_576  # bytes of a closing client after which nothing more is read
_CONTROL: Final = 125
"""A control frame between two fragments does not count for the size of the message, as it does in the library."""


class WebSocketConnection(asyncio.Protocol):
    """Implements `Socket`. `leave` is called when the connection is lost; `write_timeout` is in seconds."""

    __slots__ = (
        "_active", "_closed", "_compressed", "_counted", "_discarded", "_heard_at", "_incoming", "_leave", "_loop", "_messages", "_options", "_paused",
        "_pinged_at", "_protocol", "_queue", "_serve", "_sockets", "_task", "_transport", "_used_at", "_user", "_waiter", "_write_timeout", "context",
        "deadline", "on_drain", "on_dropped", "origin", "subprotocol",
    )  # fmt: skip

    def __init__(
        self,
        context: RequestContext,
        sockets: OpenSockets,
        serve: Serve,
        options: WebSocketOptions,
        *,
        subprotocol: str | None,
        origin: str | None,
        extensions: Sequence[Extension],
    ) -> None:
        self.context, self.subprotocol, self.origin = context, subprotocol, origin
        self._sockets, self._serve, self._options = sockets, serve, options
        settings = sockets.settings
        self._protocol = ServerProtocol(settings.max_first_message_bytes + _CONTROL)
        self._protocol.extensions = list(extensions)
        self._compressed = bool(extensions)
        self.on_dropped: Callable[[int], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self._messages: deque[str] = deque()
        self._queue, self._discarded = SendQueue(sockets), 0
        self._waiter: asyncio.Future[None] | None = None
        self._closed: SocketClosed | None = None
        self._user: UserId | None = None
        self._counted = self._active = self._paused = False
        self.deadline = math.inf

    def begin(self, transport: asyncio.Transport, leave: Callable[["WebSocketConnection"], None], write_timeout: float) -> None:
        """Serve the client behind `transport`, to which the answer to the handshake is written."""
        self._loop = asyncio.get_running_loop()
        self._transport, self._leave, self._write_timeout = transport, leave, write_timeout
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._heard_at = self._used_at = self._loop.time()
        self._incoming = IncomingMessages(self._sockets.settings, self._heard_at)
        self._pinged_at = math.inf
        principal = self.context.principal
        self._task = self._loop.create_task(self._run(), context=Context())  # that of the request keeps all of it in memory
        if principal is None:
            self.deadline = self._heard_at + self._sockets.settings.authentication_timeout_seconds
        else:
            self.authenticated(principal)

    async def _run(self) -> None:
        current_context.set(self.context)
        try:
            await self._serve(self)
        except SocketClosed:
            pass
        except Exception:
            logger.exception("websocket_failed", path=self.context.path)
            self.close(codes.INTERNAL_ERROR, "an internal error occurred; it was logged")
        else:
            self.close(codes.NORMAL)

    # what the handler calls

    async def receive(self) -> str:
        while not self._messages:
            if self._closed is not None:
                raise self._closed
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message = self._messages.popleft()
        self._read()
        return message

    def send(self, message: TextMessage, *, droppable: bool = False) -> None:
        if self._closed is not None:
            return
        self._used_at = self._loop.time()
        frame = message.deflated if self._compressed else message.plain
        if not self._paused and not self._queue:
            self._transport.write(frame)
        elif not self._queue.add(frame, droppable=droppable, dropping=self.on_dropped is not None):
            self._sockets.slow_client()
            self.close(codes.TRY_AGAIN_LATER, f"the client reads too slowly: {self._sockets.settings.max_queue_messages} messages waited")

    def close(self, code: int, reason: str = "") -> None:
        if self._closed is None:
            reason = reason.encode(errors="replace")[:123].decode(errors="ignore")
            with suppress(InvalidState):  # the client has closed, or has left
                self._protocol.send_close(code, reason)
            self._end(code, reason)

    def authenticated(self, principal: Principal) -> bool:
        settings = self._sockets.settings
        if self._closed is not None or self._counted:
            return self._closed is None
        if not self._sockets.enter(principal.user_id):
            self.close(codes.POLICY_VIOLATION, f"more than {settings.max_connections_per_user} connections of one user")
            return False
        if self.context.principal is None:
            self._sockets.authenticated(self.context.address)
        self._counted, self._user = True, principal.user_id
        self._protocol.max_message_size = settings.max_message_bytes + _CONTROL
        self.deadline = self._heard_at + settings.ping_interval_seconds
        return True

    def subscribed(self, active: bool) -> None:
        self._active, self._used_at = active, self._loop.time()

    # what the client sends

    def data_received(self, data: bytes) -> None:
        self._heard_at, self._pinged_at = self._loop.time(), math.inf
        if self._closed is not None:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED:
                self._transport.abort()
                return
        protocol = self._protocol
        for start in range(0, len(data), 1024):  # little more is parsed than the limit of frames permits
            protocol.receive_data(data[start : start + 1024])
            for frame in protocol.events_received():
                assert isinstance(frame, Frame)  # the handshake has passed
                if self._closed is None:
                    self._on_frame(frame)
        if protocol.parser_exc is not None and self._closed is None:
            sent = protocol.close_sent
            reason = "the message is too big" if isinstance(protocol.parser_exc, PayloadTooBig) else "" if sent is None else sent.reason
            self._end(1006 if sent is None else sent.code, reason)
        else:
            self._write()
        self._read()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._protocol.data_to_send()
        if self._closed is None:
            self._end(1006, "the client has left")  # after a moment, what it does not read is dropped
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(self)
        self._queue.clear()
        self.forget()
        self.deadline = math.inf
        if self._closed is None:
            self._closed = SocketClosed(1006, "the connection was lost")
        self._wake()

    def forget(self) -> None:
        """No longer count the connection."""
        if not self._counted and self.context.principal is None:
            self._sockets.authenticated(self.context.address)
        self._sockets.leave(self._user)

    def _on_frame(self, frame: Frame) -> None:
        try:
            self._incoming.allow(self._heard_at)
            match frame.opcode:
                case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                    settings = self._sockets.settings
                    limit = settings.max_message_bytes if self._counted else settings.max_first_message_bytes
                    if (message := self._incoming.add(frame, max_bytes=limit)) is not None:
                        self._used_at = self._heard_at
                        self._messages.append(message)
                        self._wake()
                case Opcode.CLOSE:
                    received = self._protocol.close_rcvd
                    assert received is not None
                    self._end(received.code, received.reason)
        except UnacceptableFrame as error:
            self._protocol.fail(error.code, error.reason)  # what follows is discarded, not parsed
            self._end(error.code, error.reason)

    def _read(self) -> None:
        """Read on, unless the client does not read or the handler has enough to do."""
        if not self._transport.is_closing():
            if self._closed is None and (self._paused or len(self._messages) >= MAX_WAITING):
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # what it has to read

    def pause_writing(self) -> None:
        self._paused = True
        if self._closed is None:
            self.deadline = self._loop.time() + self._write_timeout
            self._read()

    def resume_writing(self) -> None:
        self._paused = False
        if self._closed is not None:
            return
        self._heard_at = self._loop.time()
        self.deadline = self._heard_at + self._sockets.settings.ping_interval_seconds
        dropped = self._queue.write(self._transport.write, lambda: self._paused)
        if dropped and self.on_dropped is not None:
            self.on_dropped(dropped)
        self._read()

    # how it ends

    def expire(self) -> None:
        """Do what is due: end what the client did not do in time, or ask whether it is there."""
        settings, now = self._sockets.settings, self._loop.time()
        if self._closed is not None:
            self._transport.abort()
        elif self._paused:
            self._sockets.slow_client()
            self.close(codes.TRY_AGAIN_LATER, "the client does not read")
        elif not self._counted:
            self.close(*self._options.unauthenticated)
        elif self._pinged_at < now:
            self.close(codes.INTERNAL_ERROR, "no answer to a ping")
        elif not self._active and now >= self._used_at + settings.idle_timeout_seconds:
            self.close(codes.NORMAL, "idle")
        elif now >= self._heard_at + settings.ping_interval_seconds:
            self._pinged_at = now
            self._protocol.send_ping(b"")
            self._write()
            self.deadline = now + settings.ping_interval_seconds
        else:
            self.deadline = self._heard_at + settings.ping_interval_seconds

    @property
    def open(self) -> bool:
        """Whether no close frame was sent or received."""
        return self._closed is None

    def drain(self) -> None:
        """Close because the server stops: the client resumes at another process."""
        if self._closed is None:
            if self.on_drain is not None:
                self.on_drain()
            self.close(codes.SERVICE_RESTART, "the server restarts; connect again and resume")

    def shutdown(self) -> None:
        """End the connection without waiting."""
        self.drain()
        self._transport.close()

    def _end(self, code: int, reason: str) -> None:
        """Stop serving. What the protocol has to say is written; the client has a moment to read it."""
        self._closed = SocketClosed(code, reason)
        self._queue.clear()
        self.deadline = self._loop.time() + LINGER_SECONDS
        self._write()
        self._wake()
        self._read()

    def _write(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof() and not self._transport.is_closing():
                self._transport.write_eof()

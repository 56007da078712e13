"""A connection of a client: times that hold before a request is whole and before anyone is authenticated, and the answers of the server itself.

A connection has one deadline at a time, checked by a sweep: a timer for each request would cost more.
"""

import math
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from api_base.interface.middleware.http_exchange import SWITCH
from api_base.serving.refusals import OVERLOADED, SLOW_BODY, SLOW_HEADER, TOO_MANY_CONNECTIONS, Refusal
from api_base.serving.request_input import BoundedInput
from api_base.serving.turn import Turn
from api_base.serving.unread import UnreadRequest, is_plain

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from api_base.interface.websocket.connection import WebSocketConnection

LINGER_SECONDS: Final = 1.0
"""Seconds that a refused client has to read the answer while what it sends is discarded [RFC 9112, section 9.6]."""
MAX_DISCARDED: Final = 1_048_576
"""Bytes after which nothing more is read from it."""


class Phase(Enum):
    """What the server waits for."""

    FIRST_BYTE = auto()
    HEADER = auto()
    WORK = auto()
    BODY = auto()
    READER = auto()
    IDLE = auto()
    CLOSED = auto()


class Connection(BoundedInput):
    """`deadline` is the time on the event loop's clock at which `expire` is due."""

    deadline, _phase, _address, _discarded = math.inf, Phase.FIRST_BYTE, "", 0
    _early = False
    """Whether a client has sent something behind its handshake for a WebSocket."""
    unread: UnreadRequest | None = None
    """The request that waits for admission and is not parsed yet."""
    _admitted = False
    """Whether the request that is parsed now has been admitted."""
    reserved = False
    """Whether it may stay although the process is full: its first request is a probe."""

    def connection_made(self, transport: "asyncio.Transport") -> None:  # type: ignore[override]
        """Admit the connection, or close it after an answer."""
        super().connection_made(transport)
        state = self.server_state
        self._address = state.address_key(self.client[0]) if self.client else ""
        if state.enter(self, self._address):
            self._wait(Phase.FIRST_BYTE, state.settings.first_byte_timeout_seconds)
            if self.reserved:
                del state.waiting[self]  # its probe has arrived, and is read in the next turn: no other connection takes its place before
        else:
            self.refuse(TOO_MANY_CONNECTIONS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection. A request that waits for its start is dropped."""
        self.unread = None
        self.server_state.leave(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse input. An overloaded process lets a plain request wait as it is."""
        if self.unread is not None:
            self._read_unread()
        elif self.server_state.deferring and self._line == b"" and self._phase in (Phase.IDLE, Phase.FIRST_BYTE) and is_plain(data):
            self.unread = UnreadRequest(self, data)
            self._work()
            self.server_state.admission.wait(self.unread)
            return
        super().data_received(data)

    def _read_unread(self) -> None:
        """Parse the request that waits. It waits on, as the newest one."""
        unread, self.unread = self.unread, None
        if unread is not None:
            super().data_received(unread.data)

    def read_admitted(self) -> None:
        """Parse the request that waited, and start it. One that is invalid is answered, and needs no admission."""
        self._admitted = True
        self._read_unread()
        if self._admitted:
            self._admitted = False
            self.server_state.admission.give_back()

    def refuse_unread(self) -> None:
        """Answer a request that was not parsed. The connection stays open."""
        unread, self.unread = self.unread, None
        assert unread is not None  # otherwise it is gone
        self._write(OVERLOADED, unread.headers(), close=False, path=unread.path())
        self.server_state.refusals.count(OVERLOADED.reason)
        self.server_state.total_requests += 1
        self._wait(Phase.IDLE, self.timeout_keep_alive)

    @property
    def refused(self) -> bool:
        """Whether further input is discarded."""
        return self._phase is Phase.CLOSED or self._refusal is not None

    def discard(self, size: int) -> None:
        """Read no more from a refused client that sends on and on: reading would take the time of others."""
        self._discarded += size
        if self._discarded > MAX_DISCARDED:
            self.flow.pause_reading()

    def note_input(self) -> None:
        """Expect the rest of the header section once a request has begun."""
        if self._phase is Phase.FIRST_BYTE or self._phase is Phase.IDLE:
            self._wait(Phase.HEADER, self.server_state.settings.header_timeout_seconds)

    def upgrade(self, *, early: bool) -> None:
        """Answer in HTTP/1.1 [RFC 9110, section 7.8] unless the request is served by a WebSocket route, which calls `switch`.

        Nothing is read before: a client waits for the answer to its handshake.
        """
        self.cycle.keep_alive = False
        if "extensions" in self.cycle.scope:
            self._early = early
            self.flow.pause_reading()

    def switch(self, headers: "Iterable[tuple[bytes, bytes]]", socket: "WebSocketConnection") -> bool:
        """Answer the handshake, and leave the connection to `socket`. Return False if the client has left, or has not waited for the answer."""
        cycle, state, transport = self.cycle, self.server_state, self.transport
        if self._early or cycle.disconnected or self._phase is Phase.CLOSED or transport.is_closing():
            return False
        lines = b"".join([b"%b: %b\r\n" % one for one in (*state.default_headers, *headers)])
        transport.write(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % lines)
        cycle.response_started = cycle.response_complete = True
        state.total_requests += 1
        state.connections.discard(self)
        state.sockets[socket] = self._address
        transport.set_protocol(socket)
        self.drop_input()
        socket.begin(transport, state.leave_socket, state.settings.write_timeout_seconds)
        transport.resume_reading()
        if state.draining:
            socket.drain()
        return True

    def on_headers_complete(self) -> None:
        """Start the request. During a shutdown it is the last one on its connection."""
        if self.parser.should_upgrade() and self._is_handshake():
            self.scope["extensions"] = {SWITCH: self.switch}  # type: ignore[dict-item]  # a function, which ASGI's types do not provide for
        super().on_headers_complete()
        if (self.server_state.draining or not self.server_state.keep_alive) and not self._stays:
            self.drain()

    def drain(self) -> None:
        """Close after the current request, or after the next one if the response to the current one has already begun."""
        self._read_unread()
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: "RequestResponseCycle", app: "ASGI3Application") -> None:
        """Begin the request, or let it wait for its turn."""
        self._work()
        admitted, self._admitted = self._admitted, False
        Turn(self, cycle, app).begin(admitted=admitted)

    def on_message_complete(self) -> None:
        """End the request's input. If it is answered already, the connection is idle from now on."""
        self._line = b""
        super().on_message_complete()
        if self._phase is Phase.BODY and self.cycle.response_complete:
            self._wait(Phase.IDLE, self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        """Start the next request of the pipeline, or wait for one."""
        state = self.server_state
        state.total_requests += 1
        self.drop_answered()
        if self._phase is Phase.CLOSED:
            return
        if self.transport.is_closing():
            self._wait(Phase.CLOSED, state.settings.write_timeout_seconds)
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self.refuse(self._refusal)
        elif self.cycle.more_body:
            self._wait(Phase.BODY, state.settings.body_timeout_seconds)
        else:
            self._wait(Phase.IDLE, self.timeout_keep_alive)

    def expect_body(self, expected: bool) -> None:
        """Note that the request waits for its client, or that it goes on."""
        if self._phase is not Phase.CLOSED:
            self._phase = Phase.BODY if expected else Phase.WORK
            self.deadline = self.loop.time() + self.server_state.settings.body_timeout_seconds if expected else math.inf

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        super().pause_writing()
        if self._phase is Phase.WORK:
            self._phase, self.deadline = Phase.READER, self.loop.time() + self.server_state.settings.write_timeout_seconds

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        super().resume_writing()
        if self._phase is Phase.READER:
            self._phase, self.deadline = Phase.WORK, math.inf

    def expire(self) -> None:
        """End what the client did not do in time. Nothing is answered where no request has begun."""
        match self._phase:
            case Phase.HEADER:
                self.refuse(SLOW_HEADER)
            case Phase.BODY if self.cycle.response_complete:
                self._linger(SLOW_BODY.reason)
            case Phase.BODY:
                self.give_up(self.cycle, SLOW_BODY)
            case Phase.IDLE:
                self._wait(Phase.CLOSED, self.server_state.settings.write_timeout_seconds)
                self.transport.close()  # once the last response is read
            case Phase.FIRST_BYTE:
                self._abort("no_request")
            case Phase.READER:
                self._abort("slow_reader")
            case _:
                self.transport.abort()

    def give_way(self) -> None:
        """Close for a new connection."""
        self._abort("closed_for_new")

    def refuse(self, refusal: Refusal) -> None:
        """Answer and close. While an earlier request of the connection has no response the answer waits for it."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.more_body and not self.pipeline:  # its own body is refused
                self.give_up(cycle, refusal)
            else:
                self._refusal = refusal
                self.flow.pause_reading()
        elif self._phase is not Phase.CLOSED:
            self._write(refusal, self.headers or (), close=True)
            self._linger(refusal.reason)

    def give_up(self, cycle: "RequestResponseCycle", refusal: Refusal) -> None:
        """Close with a request in work: answer it if its response has not begun. The application learns that the client has left."""
        if not (cycle.response_started or cycle.disconnected):
            self._write(refusal, cycle.scope["headers"], close=True)
        cycle.disconnected = True
        cycle.message_event.set()
        self._linger(refusal.reason)

    def answer(self, cycle: "RequestResponseCycle", refusal: Refusal) -> None:
        """Answer a request that was not executed. The connection stays open unless the client waits for leave to send a body."""
        close = cycle.waiting_for_100_continue or not cycle.keep_alive
        self._write(refusal, cycle.scope["headers"], close=close, path=cycle.scope["raw_path"], head_only=cycle.scope["method"] == "HEAD")
        cycle.response_started = cycle.response_complete = True
        if close:
            self._linger(refusal.reason)
        else:
            self.server_state.refusals.count(refusal.reason)
        self.on_response_complete()

    def _write(
        self, refusal: Refusal, headers: "Iterable[tuple[bytes, bytes]]", *, close: bool, path: bytes | None = None, head_only: bool = False
    ) -> None:
        path = self._path if path is None else path
        self.transport.write(self.server_state.answer(refusal, headers, close=close, path=path, head_only=head_only))

    def _linger(self, reason: str) -> None:
        """Close once the client has read the answer, or has had a moment to. Too many such connections close immediately."""
        self.server_state.refusals.count(reason)
        self._wait(Phase.CLOSED, LINGER_SECONDS)
        self.drop_input()
        if self.server_state.crowded:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _abort(self, reason: str) -> None:
        self.server_state.refusals.count(reason)
        self.transport.abort()

    def _work(self) -> None:
        self.deadline, self._phase = math.inf, Phase.WORK
        self.server_state.waiting.pop(self, None)

    def _wait(self, phase: Phase, seconds: float) -> None:
        self._phase, self.deadline = phase, self.loop.time() + seconds
        self.server_state.waiting[self] = None

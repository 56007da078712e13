"""What the handler of a WebSocket route works with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from api_base.core.types import Principal, RequestContext

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
UNSUPPORTED_DATA: Final = 1003
INVALID_DATA: Final = 1007
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
TRY_AGAIN_LATER: Final = 1013
UNAUTHORIZED: Final = 3000
FORBIDDEN: Final = 3003
TIMEOUT: Final = 3008
"""Close codes of IANA's registry "WebSocket Close Code Number"."""

WINDOW_BITS: Final = 12
"""The window of compressed messages, as a power of two in bytes."""


class SocketClosed(Exception):
    """The connection has closed; `code` is that of the close frame, 1006 without one."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class TextMessage:
    """A message for any number of clients, encoded once: as a frame, and as a compressed frame [RFC 7692] when the first of them wants one.

    Compressed messages use no context of earlier ones, so every client can read the same frame, and no connection keeps a window.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def plain(self) -> bytes:
        from websockets.frames import Frame, Opcode

        return Frame(Opcode.TEXT, self._text).serialize(mask=False)

    @cached_property
    def deflated(self) -> bytes:
        from websockets.extensions.permessage_deflate import PerMessageDeflate
        from websockets.frames import Frame, Opcode

        deflate = PerMessageDeflate(True, True, WINDOW_BITS, WINDOW_BITS, {"memLevel": 5})
        return Frame(Opcode.TEXT, self._text).serialize(mask=False, extensions=[deflate])


class Socket(Protocol):
    """A connection after its handshake. All methods belong to the event loop of the server.

    `context` is that of the handshake; it has a principal if an Authorization header was valid. `subprotocol` is the one that was agreed.
    `origin` is the header of a browser. `droppable` messages may be dropped, oldest first, while the client reads slowly:
    `on_dropped` is then called with their number once it reads again. Without it, and for other messages, a full queue closes with 1013.
    """

    context: RequestContext
    subprotocol: str | None
    origin: str | None
    on_dropped: Callable[[int], None] | None
    on_drain: Callable[[], None] | None
    """Called when the server stops, before it closes the connection with 1012."""

    async def receive(self) -> str:
        """Return the next message. Raises `SocketClosed`. Binary messages close the connection with 1003."""
        ...

    def send(self, message: TextMessage, *, droppable: bool = False) -> None:
        """Send a message, or let it wait; never blocks. Nothing happens on a closed connection."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame; `reason` has at most 123 bytes. The client has a second to answer it."""
        ...

    def authenticated(self, principal: Principal) -> bool:
        """Note who the client is: other limits hold from here on. False if the user has too many connections; it is then closed."""
        ...

    def subscribed(self, active: bool) -> None:
        """Note whether the connection has subscriptions: without one, it is closed when it is idle."""
        ...


type Serve = Callable[[Socket], Awaitable[None]]
"""Serves a connection until it returns, which closes it with 1000; an error closes it with 1011."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketOptions:
    """What a WebSocket route declares: `@router.websocket("/ws", WebSocketOptions(subprotocols=("api-base.v1",)))` on a `Serve`.

    `subprotocols` are those that the route speaks, in order of preference. `required`: a client must offer one of them.
    `unauthenticated` is the close code and reason for a client that does not authenticate in time.
    """

    subprotocols: tuple[str, ...] = ()
    required: bool = False
    unauthenticated: tuple[int, str] = (TIMEOUT, "authenticate within the time limit")

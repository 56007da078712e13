"""A connection to one server that its callers share: a command is sent immediately, and the answers come in the order of the commands [RESP].

redis-py lends a connection to one call at a time: of a short command, that is most of the cost (docs/figures.md).
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

from hiredis import PushNotification, Reader, pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from api_base.infrastructure.redis.address import RedisAddress

BUSY: Final = 0.005
"""Seconds by which a timer may be late before the event loop counts as busy."""
_ERRORS: Final[dict[str, type[ResponseError]]] = {"NOSCRIPT": NoScriptError, "READONLY": ReadOnlyError}
type Part = str | bytes | int | float
"""Of a command."""

_MORE: Final = object()
"""What the reader returns when an answer is not complete."""


class Connection(asyncio.Protocol):
    """Ends, with all its calls, when the oldest one has no answer after `timeout` seconds. `on_end` is called once with the connection."""

    def __init__(self, timeout: float, on_end: "Callable[[Connection], None]") -> None:
        self._timeout, self._on_end = timeout, on_end
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(protocolError=InvalidResponse, replyError=_error, notEnoughData=_MORE)
        self._unanswered: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many commands have no answer yet."""
        return len(self._unanswered)

    def send(self, command: bytes) -> asyncio.Future[Any]:
        """Send an encoded command. The answer raises `RedisError`. A caller that does not wait for it cancels it."""
        if self._transport is None or self._transport.is_closing():
            raise RedisConnectionError("The connection is lost.")
        answer = self._loop.create_future()
        now = self._loop.time()
        self._unanswered.append((now, answer))
        self._transport.write(command)
        if self._timer is None:
            self._watch(now + self._timeout)
        return answer

    def end(self, reason: RedisError | None = None) -> None:
        """Close the connection. Calls without an answer raise `reason`."""
        transport, self._transport = self._transport, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._unanswered:
            _, answer = self._unanswered.popleft()
            if not answer.done():
                answer.set_exception(reason or RedisConnectionError("The connection is lost."))
        if transport is not None:
            transport.abort()
            self._on_end(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end()

    def data_received(self, data: bytes) -> None:
        gets, unanswered = self._reader.gets, self._unanswered
        try:
            self._reader.feed(data)
            while (received := gets()) is not _MORE:
                if type(received) is PushNotification:
                    continue
                _, answer = unanswered.popleft()
                if not answer.done():
                    if isinstance(received, RedisError):
                        answer.set_exception(received)
                    else:
                        answer.set_result(received)
                if type(received) is ReadOnlyError:
                    self.end()  # it no longer is a primary: the next connection leads to the present one
                    return
        except (InvalidResponse, IndexError):
            self.end(InvalidResponse("The server sent what is no answer."))

    def _watch(self, due: float, extended: "asyncio.Future[Any] | None" = None) -> None:
        """A server is not to blame for what arrived while the event loop was busy: what is there is read first.

        The time of one answer, `extended`, is extended once: a loop that is always busy must leave a silent server, too.
        """

        def look() -> None:
            self._timer = None
            if not self._unanswered:
                return
            sent, answer = self._unanswered[0]
            now, oldest = self._loop.time(), sent + self._timeout
            if now < oldest:
                self._watch(oldest)
            elif now > due + BUSY and answer is not extended:
                self._watch(now + min(now - due, self._timeout), answer)
            else:
                self.end(RedisTimeoutError(f"No answer within {self._timeout:g} s."))

        self._timer = self._loop.call_at(due, look)


async def connect(host: str, port: int, address: RedisAddress, timeout: float, on_end: Callable[[Connection], None]) -> Connection:
    """Return a connection with the user, the database and the TLS of `address`. Each step takes up to `timeout` seconds.

    Raises `RedisError` and `OSError`.
    """
    options = address.options
    tls = await asyncio.to_thread(_trusting, options.get("ssl_ca_certs")) if address.tls else None
    made = Connection(timeout, on_end)
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().create_connection(lambda: made, host, port, ssl=tls)
    except TimeoutError as error:
        raise RedisTimeoutError(f"No connection within {timeout:g} s.") from error
    credentials = ("AUTH", options["username"] or "default", options["password"]) if options["password"] is not None else ()
    try:
        await made.send(encoded("HELLO", 3, *credentials))
        if options["db"]:
            await made.send(encoded("SELECT", options["db"]))
    except BaseException:
        made.end()
        raise
    return made


@lru_cache
def _trusting(authorities: str | None) -> ssl.SSLContext:
    """Made once, because it takes up to 0.3 s to read the authorities of the system: no attempt to connect may stop the event loop for so long."""
    return ssl.create_default_context(cafile=authorities)


def encoded(*command: Part) -> bytes:
    """Return the form of a command that `send` takes. Raises `UnicodeEncodeError` for half a surrogate pair."""
    form: bytes = pack_command(cast("Any", command))
    return form


def _error(text: str) -> ResponseError:
    """Without the arguments of a command that the server does not know: those of HELLO have a password."""
    text = text.partition(", with args beginning with")[0]
    return _ERRORS.get(text.partition(" ")[0], ResponseError)(text)

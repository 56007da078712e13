"""The HTTP request and its response, shared by the middlewares and the route: headers are parsed once, and added once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Charge, Limit, RateDecision
from api_base.core.types import Principal, RequestContext

KEY: Final = "api_base.exchange"
SWITCH: Final = "api_base.switch"
"""The extension of a scope that asks for a WebSocket, where the server can switch to it."""
WEBSOCKET: Final = "WEBSOCKET"
"""The method under which WebSocket routes are found."""
CLIENT_LEFT: Final = 499
"""The status under which a request counts whose client left before it was answered, as in nginx."""


class MatchedRoute(Protocol):
    """What the middlewares need to know of a route: see `RouteOptions`."""

    @property
    def ignores_token(self) -> bool: ...
    @property
    def login(self) -> bool: ...
    @property
    def limits(self) -> Sequence[Limit]: ...


@dataclass(slots=True)
class Match:
    """The path is that of `template`. `route` is None if it does not support the method; `allowed` are those that it supports."""

    template: str
    route: MatchedRoute | None
    values: tuple[str, ...]
    allowed: Iterable[str]
    challenge: bytes = b""
    """That of the path's routes for MCP clients, whatever the method."""


class RouteFinder(Protocol):
    """Finds the route of a request."""

    def find(self, method: str, path: str) -> Match | None: ...


class PresentedCredentials(Protocol):
    """What a request says about its sender: see `auth.py`."""

    async def caller(self, scope: Scope, /) -> "IdentifiedCaller": ...


class IdentifiedCaller(Protocol):
    """Who sends a request, by its credentials."""

    @property
    def principal(self) -> Principal: ...
    @property
    def access_token(self) -> str: ...
    @property
    def scope(self) -> str: ...


class CredentialFinder(Protocol):
    """Finds the credentials of a request, without verifying them."""

    def presented(self, scope: Scope) -> PresentedCredentials | None: ...


class ShownLimits(Protocol):
    """Writes the fields of an answer."""

    def show(self, exchange: "HttpExchange", charges: Sequence[Charge], decision: RateDecision) -> None: ...


class HttpExchange:
    """`added` are headers for every response to the request. `route` is the path template, empty until a route is found.

    `quota_left` is the part of the rate limit in `added` that is left: above 1 before a limit is decided, below 0 after a refusal.

    `matched` is the route of the request, before anything is decided; None for an unknown path. `error` is the reason of a refusal: an invalid
    token, to which AuditMiddleware responds, or the exception that the route raised. `presented` are the credentials, before anything is verified;
    None for an anonymous request. `actions` are awaited after the response. `limits` shows what
    messages charge; None for a request without limits. `scope` is that of the token. `timer` ends a request that takes too long.
    `error`, `timer`, `source` and `send` are there until `end`.
    """

    __slots__ = (
        "accept", "accept_encoding", "accept_language", "actions", "added", "authorization", "baggage", "context", "error", "expired", "forwarded", "forwarded_for", "idempotency_key", "left", "limits", "matched", "origin", "presented",
        "quota_left", "request_id", "requested_method", "route", "scope", "send", "source", "started", "status", "timer", "traceparent", "tracestate",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.authorization = self.origin = self.request_id = self.traceparent = self.forwarded_for = self.requested_method = None
        self.idempotency_key = self.forwarded = self.tracestate = self.baggage = self.accept = self.accept_encoding = (
            self.accept_language
        ) = None
        lines: dict[str, list[bytes]] | None = None
        for name, value in scope["headers"]:
            attribute = _ATTRIBUTES.get(name)
            if attribute is not None:
                if name in _LISTS and (first := getattr(self, attribute)) is not None:
                    lines = lines or {}
                    lines.setdefault(attribute, [first]).append(value)
                else:
                    setattr(self, attribute, value)
        if lines is not None:
            for attribute, values in lines.items():
                setattr(self, attribute, b",".join(values))
        self.added: list[tuple[bytes, bytes]] = []
        self.scope = ""
        self.route, self.status, self.started, self.expired, self.left = "", 500, False, False, False
        self.source, self.send = receive, send
        self.error: ApiBaseError | None = None
        self.actions: list[Callable[[], Awaitable[None]]] = []
        self.limits: ShownLimits | None = None
        self.quota_left = 2.0
        self.timer: asyncio.TimerHandle | None = None
        self.matched: Match | None = None
        self.presented: PresentedCredentials | None = None
        self.context: RequestContext
        scope[KEY] = self

    accept: bytes | None
    accept_encoding: bytes | None
    accept_language: bytes | None
    authorization: bytes | None
    origin: bytes | None
    request_id: bytes | None
    traceparent: bytes | None
    tracestate: bytes | None
    baggage: bytes | None
    forwarded: bytes | None
    forwarded_for: bytes | None
    requested_method: bytes | None
    idempotency_key: bytes | None

    async def receive(self) -> Message:
        """The only wrapper around `receive`. Notes that the client left before its body was complete."""
        message = await self.source()
        if message["type"] == "http.disconnect" and not self.started:
            self.left, self.status = True, CLIENT_LEFT
        return message

    def untimed(self) -> None:
        """Let the request take as long as bytes move: the connection limits how long they may rest."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def end(self) -> None:
        """Let go of what leads back to this exchange: the timer by its arguments, an error by its traceback, the server's functions by the scope.

        Without such circles a request is freed when it ends, and the garbage collector has nothing to look for.
        """
        self.untimed()
        self.error = None
        self.source, self.send = _receive_nothing, _send_nothing

    async def forward(self, message: Message) -> None:
        """The only wrapper around `send`."""
        if message["type"] == "http.response.start":
            self.status, self.started = CLIENT_LEFT if self.left else message["status"], True
            message["headers"] = [*message["headers"], *self.added]
        await self.send(message)


async def _receive_nothing() -> Message:
    return {"type": "http.disconnect"}


async def _send_nothing(message: Message) -> None:
    raise OSError(f"the request has ended: {message['type']} is not sent")  # [ASGI, HTTP, Disconnected client: send exception]


_ATTRIBUTES: Final = {
    b"accept": "accept",
    b"accept-encoding": "accept_encoding",
    b"accept-language": "accept_language",
    b"authorization": "authorization",
    b"origin": "origin",
    b"x-request-id": "request_id",
    b"traceparent": "traceparent",
    b"tracestate": "tracestate",
    b"baggage": "baggage",
    b"forwarded": "forwarded",
    b"x-forwarded-for": "forwarded_for",
    b"access-control-request-method": "requested_method",
    b"idempotency-key": "idempotency_key",
}
_LISTS: Final = frozenset(
    {b"accept", b"accept-encoding", b"accept-language", b"forwarded", b"x-forwarded-for", b"traceparent", b"tracestate", b"baggage"}
)
"""Several lines of these are one list [RFC 9110, section 5.3]; two of `traceparent` are none that is valid."""


def http_exchange_of(scope: Scope) -> HttpExchange:
    """Return the exchange that LoggingMiddleware stored for the request."""
    exchange: HttpExchange = scope[KEY]
    return exchange


class RouteMatcher:
    """Stores the match and the credentials of each request in its exchange, before the middlewares that depend on them: limits and authentication."""

    def __init__(self, app: ASGIApp, routes: RouteFinder, credentials: CredentialFinder) -> None:
        self._app, self._find, self._presented = app, routes.find, credentials.presented

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            matched = self._find(WEBSOCKET, path) if "extensions" in scope and method == "GET" and SWITCH in scope["extensions"] else None
            exchange = http_exchange_of(scope)
            exchange.matched = self._find(method, path) if matched is None or matched.route is None else matched
            exchange.presented = self._presented(scope)
        await self._app(scope, receive, send)


current_exchange: ContextVar[HttpExchange] = ContextVar("current_exchange")
"""The exchange of the current request, for ports that handlers use. LoggingMiddleware sets it."""

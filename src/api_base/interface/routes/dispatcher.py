"""Find the route of a request, once, before anything is decided about it, and serve it behind all middlewares.

Operations are found in a dictionary: the time does not depend on the number of routes. The routes of plain APIRouters are searched in order, as
FastAPI does; FastAPI serves them, behind their guards. It also serves `/docs` and answers for unknown paths.
"""

from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.application.versions.calls import DeprecatedCalls
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Limit
from api_base.interface.errors.handlers import send_error
from api_base.interface.errors.http import MethodNotAllowed, UpgradeRequired, methods_of_path
from api_base.interface.middleware.http_exchange import WEBSOCKET, HttpExchange, Match, http_exchange_of
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.public_url import PublicScope
from api_base.interface.routes.compression import compressing
from api_base.interface.routes.operation import ACCEPT_QUERY, Operation
from api_base.interface.routes.plain import PlainRoute
from api_base.interface.routes.websocket import WebSocketRoute

_ANY: Final = "/"
"""Matches any value in a key: no segment of a path contains it."""
type _Key = tuple[str, ...]


class RouteTable:
    """The routes of the application."""

    def __init__(self, operations: Iterable[Operation | WebSocketRoute], plain: Iterable[PlainRoute]) -> None:
        self._static: dict[str, dict[str, Operation | WebSocketRoute]] = {}
        """By path, without placeholders."""
        self._table: dict[_Key, dict[str, Operation | WebSocketRoute]] = {}
        self._masks: dict[int, list[tuple[int, ...]]] = {}
        self._plain = tuple(plain)
        self.limits: list[Limit] = []
        """The limits that routes declare."""
        for operation in operations:
            self._register(operation)
            self.limits += operation.limits

    def _register(self, operation: Operation | WebSocketRoute) -> None:
        if "{" not in operation.template:
            self._static.setdefault(operation.template, {})[operation.method] = operation
            return
        segments = operation.template.split("/")
        mask = tuple(i for i, segment in enumerate(segments) if segment.startswith("{"))
        key = tuple(_ANY if i in mask else segment for i, segment in enumerate(segments))
        self._table.setdefault(key, {})[operation.method] = operation
        masks = self._masks.setdefault(len(segments), [])
        if mask not in masks:
            masks.append(mask)
            masks.sort(key=len)  # fewer placeholders first: /items/{id}/{part} after /items/{id}/prices

    def find(self, method: str, path: str) -> Match | None:
        """Return the route of a request, or None for an unknown path. HEAD is served by the route of GET, unless it has its own."""
        values: tuple[str, ...] = ()
        found = self._static.get(path)
        if found is None:
            segments = path.split("/")
            for mask in self._masks.get(len(segments), ()):
                values = tuple([segments[i] for i in mask])
                for i in mask:
                    segments[i] = _ANY
                found = self._table.get(tuple(segments))
                if found is not None and "" not in values:
                    break
                found = None
                for i, value in zip(mask, values, strict=True):
                    segments[i] = value
            if found is None:
                return self._find_plain("GET" if method == "HEAD" else method, path)
        operation = found.get(method) or (found.get("GET") if method == "HEAD" else None)
        if operation is not None:
            return Match(operation.template, operation, values, (), operation.challenge)
        other = next(iter(found.values()))
        return Match(other.template, None, (), found, other.challenge)

    def _find_plain(self, method: str, path: str) -> Match | None:
        fitting = [route for route in self._plain if route.pattern.fullmatch(path)]
        for route in fitting:
            if method in route.methods:
                return Match(route.template, route, (), ())
        if not fitting:
            return None
        return Match(fitting[0].template, None, (), frozenset().union(*(route.methods for route in fitting)))


class Dispatcher:
    """An ASGI application around `app`. `limits` decides those that count by the caller, who is known by now, and `deprecated` counts who calls
    deprecated routes.

    `public_url` is the URL under which clients reach the server; None if only they know it.
    """

    def __init__(self, app: ASGIApp, limits: RequestLimits, deprecated: DeprecatedCalls, public_url: str | None = None) -> None:
        self._app, self._limits = app if public_url is None else PublicScope(app, public_url), limits
        self._deprecated = deprecated

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        matched = exchange.matched
        if matched is None:
            await self._app(scope, receive, compressing(send, exchange.accept_encoding))
            return
        exchange.route, route = matched.template, matched.route
        if route is None:
            await _other_method(scope, send, _allowed(matched))
        elif isinstance(route, Operation):
            if route.limits and (refusal := await self._limits.of_caller(exchange, route.name, route.limits)) is not None:
                exchange.error = refusal
                await send_error(scope, send, refusal)
                return
            if route.options.deprecation is not None:
                self._count(scope, exchange)
            await route(scope, receive, send, matched.values)
        elif isinstance(route, PlainRoute):
            await route.serve(self._app, scope, receive, send)
        elif isinstance(route, WebSocketRoute):
            try:
                route.accept(scope)
            except ApiBaseError as error:
                exchange.error = error
                await send_error(scope, send, error)

    def _count(self, scope: Scope, exchange: HttpExchange) -> None:
        client = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
        self._deprecated.count(f"{scope['method']} {exchange.route}", exchange.context.tenant_id, client)


def _allowed(matched: Match) -> list[str]:
    """Return the methods of a path, sorted. Its handshake is a GET where a path supports WebSocket only."""
    methods = methods_of_path(method for method in matched.allowed if method != WEBSOCKET)
    return methods if "GET" in methods or WEBSOCKET not in matched.allowed else sorted([*methods, "GET"])


async def _other_method(scope: Scope, send: Send, allowed: list[str]) -> None:
    """Answer a method that no function of the path serves: OPTIONS by the others [RFC 9110, section 9.3.7], any other by a refusal."""
    methods = ", ".join(allowed).encode()
    if scope["method"] == "OPTIONS":
        headers = [(b"allow", methods), (b"cache-control", b"no-store"), *([ACCEPT_QUERY] if "QUERY" in allowed else [])]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    elif scope["method"] in allowed:  # GET, where there is a WebSocket only
        await send_error(scope, send, UpgradeRequired("The resource is a WebSocket. Connect with a WebSocket client [RFC 6455]."))
    else:
        await send_error(scope, send, MethodNotAllowed(methods))

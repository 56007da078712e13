"""The guards of routes of FastAPI's own `APIRouter`: authentication, the limit of the body, strict JSON, Idempotency-Key, HEAD, caching.

A route declares what differs in its `openapi_extra`: `{"x-api-base": {"auth": "required", "rate": "login", "body_limit": 10_000_000}}`. The
keys are `auth`, `rate` and `body_limit` of `RouteOptions`, and `protocol`: another specification, which decides about Idempotency-Key and JSON.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from fastapi import APIRouter
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_base.core.errors import ApiBaseError, ProgrammingError, Unauthenticated
from api_base.interface.errors.handlers import send_error
from api_base.interface.errors.http import BadRequest, BodyTooLarge
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes import body as bodies
from api_base.interface.routes.compression import compressing
from api_base.interface.routes.router import PLAIN, Auth, RouteOptions, options_of

EXTRA: Final = "x-api-base"
_KEYS: Final = frozenset({"auth", "rate", "body_limit", "protocol"})
_SAFE: Final = ("GET", "OPTIONS")
_JSON: Final = re.compile(r"application/(?:[^;]+\+)?json")


class PlainRoute:
    """`template` is the path in FastAPI's notation; `methods` are in upper case. `body_limit` is in bytes."""

    def __init__(self, template: str, methods: frozenset[str], extra: Mapping[str, Any], body_limit: int) -> None:
        self.pattern, self.template, _ = compile_path(template)
        self.methods, self.options = methods, plain_options(extra)
        self._limit = self.options.body_limit or body_limit
        self.ignores_token, self.login, self.limits = self.options.auth == "ignored", self.options.rate == "login", self.options.limits
        self._own_protocol = "protocol" in extra.get(EXTRA, {})

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let FastAPI answer a request that passes the guards."""
        try:
            receive = await self._guarded(scope, receive)
        except ApiBaseError as error:
            http_exchange_of(scope).error = error
            await send_error(scope, send, error)
            return
        if scope["method"] == "HEAD":
            send = _without_body(send)
            scope["method"] = "HEAD" if "HEAD" in self.methods else "GET"
        send = compressing(send, http_exchange_of(scope).accept_encoding)
        await app(scope, receive, _not_stored(send, self.options.cache.encode()))

    async def _guarded(self, scope: Scope, receive: Receive) -> Receive:
        exchange = http_exchange_of(scope)
        if exchange.context.principal is None and self.options.auth == "required":
            raise Unauthenticated("The operation requires authentication. Send an access token.")
        if exchange.idempotency_key is not None and not self._own_protocol and scope["method"] not in (*_SAFE, "HEAD"):
            raise BadRequest("This route takes no Idempotency-Key. Leave the header out.")
        declared = bodies.declared_length(scope)
        if declared is not None and declared > self._limit:
            await bodies.discard(receive, declared, self._limit)
            raise BodyTooLarge(self._limit)
        if declared != 0 and not self._own_protocol and _JSON.fullmatch(bodies.media_type(scope)):
            return _received(await bodies.checked_json(receive, self._limit), receive)
        return receive if declared is not None else _counted(receive, self._limit)


def plain_options(extra: Mapping[str, Any]) -> RouteOptions:
    """Return the options in a route's `openapi_extra`. Raises `ProgrammingError` for an unknown one."""
    chosen = extra.get(EXTRA, {})
    if unknown := sorted(chosen.keys() - _KEYS):
        raise ProgrammingError(f"openapi_extra: {EXTRA} has no option {', '.join(unknown)}. Use {', '.join(sorted(_KEYS))}.")
    if chosen.get("auth", "optional") not in get_args(Auth.__value__):
        raise ProgrammingError(f"openapi_extra: {EXTRA} has auth={chosen['auth']!r}. Use one of {', '.join(get_args(Auth.__value__))}.")
    return replace(PLAIN, **{name: value for name, value in chosen.items() if name != "protocol"})


def plain_routes(prefix: str, router: APIRouter, body_limit: int) -> Iterator[PlainRoute]:
    """Yield the routes of `router` that FastAPI serves, in its order."""
    for context in iter_route_contexts(router.routes):
        route, methods = context.original_route, context.methods
        if methods and context.path is not None and options_of(route) is None:
            yield PlainRoute(prefix + context.path, frozenset(methods), getattr(route, "openapi_extra", None) or {}, body_limit)


def _counted(receive: Receive, limit: int) -> Receive:
    """Limit a body of unknown length. FastAPI lets an HTTPException pass while it reads the body."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413, str(BodyTooLarge(limit)))
        return message

    return counted


def _received(body: bytes, receive: Receive) -> Receive:
    """Return a body that was read already, then what follows it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _not_stored(send: Send, cache: bytes) -> Send:
    """Add Cache-Control to an answer that has none."""

    async def stated(message: Message) -> None:
        if message["type"] == "http.response.start" and not any(name.lower() == b"cache-control" for name, _ in message["headers"]):
            message = {**message, "headers": [*message["headers"], (b"cache-control", cache)]}
        await send(message)

    return stated


def _without_body(send: Send) -> Send:
    async def headers_only(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return headers_only

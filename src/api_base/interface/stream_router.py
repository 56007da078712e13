"""/api/v1/events: the stream of events, and the cookie with which a browser's `EventSource`, which sends no Authorization header, reads it.

The cookie names a session, and is worth nothing but this stream: it is no access token, and no other route reads it. It ends with the session.
"""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from api_base.application.common.realtime import Realtime
from api_base.core.errors import Forbidden, Unauthenticated
from api_base.core.protocols import AccessLookup, LinkTokens, TokenClaims, TokenVerifier
from api_base.core.types import NO_TENANT, RequestContext, SessionId, TenantId, UserId
from api_base.interface.event_stream import EventStream, channels_of, positions_of
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.rendering import StreamAnswer
from api_base.interface.routes.streaming import send_stream

PREFIX: Final = "/api/v1/events"
COOKIE: Final = "api_base_events"
_PURPOSE: Final = "events-stream"
_HEADERS: Final = ((b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPorts:
    """`origins` are those that may read the API from a browser, beside its own. `secure` cookies are sent over TLS only."""

    hub: Realtime
    verifier: TokenVerifier
    access: AccessLookup
    tokens: LinkTokens
    origins: Collection[str]
    secure: bool
    streams: set[EventStream] = field(default_factory=set)

    def drain(self) -> None:
        """End the open streams: the process stops, and their clients resume on another one."""
        for stream in tuple(self.streams):
            stream.leave("draining")


class _Stream(Response):
    """A response that ends with its session. The session is opened when the response is sent: HEAD opens none."""

    media_type = "text/event-stream"

    def __init__(self, ports: StreamPorts, context: RequestContext, expires_at: float, channels: str, last_event_id: str | None) -> None:
        super().__init__()
        self._stream: EventStream | None = None
        self._ports, self._context, self._expires_at = ports, context, expires_at
        self._channels, self._last = channels_of(channels, ports.hub.limits.channels), positions_of(last_event_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_stream(scope, receive, send, StreamAnswer(status=200, headers=_HEADERS, content=self._content(), leave=self._leave))

    def _leave(self, _: object) -> None:
        if self._stream is not None:
            self._stream.leave("left")

    async def _content(self) -> AsyncGenerator[bytes]:
        stream = self._stream = EventStream(self._ports.hub, self._context, self._expires_at)
        self._ports.streams.add(stream)
        try:
            await stream.subscribe(self._channels, self._last)
            async for part in stream.parts():
                yield part
        finally:
            self._ports.streams.discard(stream)
            stream.session.close()


def routes(ports: StreamPorts) -> APIRouter:
    router = APIRouter(prefix=PREFIX, tags=["events"])

    @router.head("/stream", include_in_schema=False)
    @router.get("/stream", summary="Read the events of channels as they happen", responses=_CONTENT, response_class=Response)
    async def stream(request: Request, channels: str) -> Response:
        context, expires_at = await _caller(request, ports)
        return _Stream(ports, context, expires_at, channels, request.headers.get("last-event-id"))

    @router.post("/session", status_code=204, summary="Set the cookie with which EventSource reads the stream", openapi_extra=_REQUIRED)
    async def begin(request: Request) -> Response:
        _check_origin(request, ports)
        principal = http_exchange_of(request.scope).context.principal
        if principal is None or principal.session_id is None:
            raise Unauthenticated("The operation requires authentication. Send an access token.")
        response = Response(status_code=204)
        value = ports.tokens.seal(_PURPOSE, principal.user_id, principal.session_id, principal.tenant_id or NO_TENANT)
        response.set_cookie(COOKIE, value, path=f"{PREFIX}/stream", secure=ports.secure, httponly=True, samesite="strict")
        return response

    return router


_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_REQUIRED: Final = {"x-api-base": {"auth": "required"}}


async def _caller(request: Request, ports: StreamPorts) -> tuple[RequestContext, float]:
    """Return who reads the stream, by the access token or else the cookie, and when the token expires. Raises `Unauthenticated`."""
    context = http_exchange_of(request.scope).context
    if context.principal is not None:
        return context, float(ports.verifier.verify(context.access_token.encode()).expires_at)
    cookie = request.cookies.get(COOKIE)
    ids: tuple[UUID, ...] | None = None if cookie is None else ports.tokens.open(_PURPOSE, cookie)
    if ids is None:
        raise Unauthenticated("The stream requires an access token, or the cookie of POST /api/v1/events/session.")
    _check_origin(request, ports)
    user, session, tenant = ids
    claims = TokenClaims(
        user_id=UserId(user), session_id=SessionId(session), tenant_id=None if tenant == NO_TENANT else TenantId(tenant), expires_at=0
    )
    return context.acting(await ports.access.principal(claims)), inf


def _check_origin(request: Request, ports: StreamPorts) -> None:
    """Refuse a page of another origin. A program that is no browser sends no Origin [RFC 6454, section 7]."""
    origin = request.headers.get("origin")
    own = urlsplit(origin or "").netloc == request.headers.get("host")
    if origin is not None and not own and origin not in ports.origins:
        raise Forbidden("The origin of the page may not read events. Add it to SERVER__CORS_ORIGINS.")
    if origin is None and request.headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("A page of another site may not read events.")

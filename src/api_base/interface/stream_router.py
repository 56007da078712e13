"""/api/v1/events: the stream of events, and the cookie with which a browser's `EventSource`, which sends no Authorization header, reads it.

The cookie names a session, and is worth nothing but this stream: it is no access token, and no other route reads it. It ends with the session.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from math import inf
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Query
from fastapi.responses import Response
from starlette.requests import cookie_parser
from starlette.types import Scope

from api_base.application.common.realtime import Realtime
from api_base.core.errors import Forbidden, Invalid, TooManyRequests, Unauthenticated
from api_base.core.protocols import AccessLookup, LinkTokens, TokenClaims, TokenVerifier
from api_base.core.types import NO_TENANT, RequestContext, SessionId, TenantId, UserId
from api_base.interface.errors.problem import pointer
from api_base.interface.event_stream import EventStream, channels_of, positions_of
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.openapi.components import BY_STATUS
from api_base.interface.public_url import public_prefix
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.parameters import QueryResolver, header, query_pairs
from api_base.interface.routes.rendering import ProtocolAnswer, StreamAnswer
from api_base.interface.routes.versions import API

PREFIX: Final = f"{API}/events"
COOKIE: Final = "api_base_events"
_PURPOSE: Final = "events-stream"
_HEADERS: Final = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPorts:
    """`pages` may read the API from a browser. `secure` cookies are sent over TLS only. `max_streams` are open at the same time."""

    hub: Realtime
    verifier: TokenVerifier
    access: AccessLookup
    tokens: LinkTokens
    pages: PageOrigins
    secure: bool
    max_streams: int
    streams: set[EventStream] = field(default_factory=set)

    def drain(self) -> None:
        """End the open streams: the process stops, and their clients resume on another one."""
        for stream in tuple(self.streams):
            stream.leave("draining")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request, as its headers say. `cross_site` is true for a browser that names no origin of a page of another site."""

    context: RequestContext
    origin: str | None
    host: str | None
    cross_site: bool
    cookie: str | None
    last_event_id: str | None
    path: str


class ReadSender:
    """Reads the headers of a request."""

    def resolve(self, scope: Scope) -> Sender:
        """Return the sender."""
        return Sender(
            http_exchange_of(scope).context,
            header(scope, b"origin"),
            header(scope, b"host"),
            header(scope, b"sec-fetch-site") == "cross-site",
            cookie_parser(header(scope, b"cookie") or "").get(COOKIE),
            header(scope, b"last-event-id"),
            http_exchange_of(scope).context.path,
        )

    def __call__(self) -> None:
        """Declare nothing."""


class ReadPairs(QueryResolver):
    """The query string, which the route checks after it knows the caller."""

    def resolve(self, scope: Scope) -> bytes:
        """Return it as it was sent."""
        query: bytes = scope["query_string"]
        return query

    def __call__(
        self,
        channels: Annotated[str, Query(description="Names of channels, separated by commas: tenant, user, items/<id>.")],
        last_event_id: Annotated[str | None, Header(description="The id of the last event received, to continue after it.")] = None,
    ) -> None:
        """For the documentation."""


class _EventStreamResponse(Response):
    """For the documentation."""

    media_type = "text/event-stream"


class _Opened:
    """The content of one response. The session is opened when it is sent: HEAD opens none."""

    def __init__(self, ports: StreamPorts, sender: Sender, context: RequestContext, expires_at: float, query: bytes) -> None:
        self._stream: EventStream | None = None
        self._ports, self._context, self._expires_at = ports, context, expires_at
        self._channels, self._last = _channels(query, ports.hub.limits.channels), positions_of(sender.last_event_id)

    def leave(self, _: object) -> None:
        """End the stream when its client has left."""
        if self._stream is not None:
            self._stream.leave("left")

    async def content(self) -> AsyncGenerator[bytes]:
        """Yield the stream. Raises `TooManyRequests`, and what `EventStream.subscribe` raises."""
        if len(self._ports.streams) >= self._ports.max_streams:
            raise TooManyRequests(
                f"The server may have {self._ports.max_streams} open streams of events. Try again later.", retry_after=5.0
            )
        stream = self._stream = EventStream(self._ports.hub, self._context, self._expires_at)
        self._ports.streams.add(stream)
        try:
            try:
                await stream.subscribe(self._channels, self._last)
            except Invalid as error:
                raise Invalid.of("/query/channels", error.violations[0].code, error.violations[0].message) from None
            async for part in stream.parts():
                yield part
        finally:
            self._ports.streams.discard(stream)
            stream.discard()


def routes(ports: StreamPorts) -> Router:
    router = Router(prefix=PREFIX, tags=["events"])
    reading = RouteOptions(auth="optional", protocol="sse", replayable=False, example={"query": "channels=tenant"})

    @router.get(
        "/stream",
        reading,
        summary="Read the events of channels as they happen",
        responses=_RESPONSES,
        response_class=_EventStreamResponse,
        response_model=None,
    )
    async def stream_events(
        sender: Annotated[Sender, Depends(ReadSender())], query: Annotated[bytes, Depends(ReadPairs())]
    ) -> StreamAnswer:
        opened = _Opened(ports, sender, *await _caller(sender, ports), query)
        return StreamAnswer(status=200, headers=_HEADERS, content=opened.content(), leave=opened.leave)

    @router.post(
        "/session",
        RouteOptions(replayable=False),
        status_code=204,
        summary="Set the cookie with which EventSource reads the stream",
        response_model=None,
    )
    async def begin_event_session(sender: Annotated[Sender, Depends(ReadSender())]) -> ProtocolAnswer:
        _check_origin(sender, ports)
        principal = sender.context.principal
        if principal is None or principal.session_id is None:
            raise Unauthenticated("The operation requires authentication. Send an access token.")
        value = ports.tokens.seal(_PURPOSE, principal.user_id, principal.session_id, principal.tenant_id or NO_TENANT)
        path = f"{public_prefix.get()}{sender.path.removesuffix('/session')}/stream"
        cookie = f"{COOKIE}={value}; Path={path}; HttpOnly; SameSite=Strict{'; Secure' if ports.secure else ''}"
        return ProtocolAnswer(status=204, content=None, headers=[(b"set-cookie", cookie.encode())])

    return router


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {404: dict(BY_STATUS[404])}


def _channels(query: bytes, most: int) -> list[str]:
    """Return the channels in a query string. Raises `Invalid` for another parameter, and for what `channels_of` refuses."""
    pairs = query_pairs(query, 10)
    for name, _ in pairs:
        if name != "channels":
            raise Invalid.of(pointer("query", name[:100]), "unknown_parameter", "is not known here; there is channels")
    if len(pairs) != 1:
        raise Invalid.of("/query/channels", *(("repeated", "must be named once") if pairs else ("missing", "is required")))
    return channels_of(pairs[0][1], most)


async def _caller(sender: Sender, ports: StreamPorts) -> tuple[RequestContext, float]:
    """Return who reads the stream, by the access token or else the cookie, and when the token expires. Raises `Unauthenticated`."""
    context = sender.context
    if context.principal is not None:
        return context, float(ports.verifier.verify(context.access_token.encode()).expires_at)
    ids: tuple[UUID, ...] | None = None if sender.cookie is None else ports.tokens.open(_PURPOSE, sender.cookie)
    if ids is None:
        raise Unauthenticated("The stream requires an access token, or the cookie of POST /api/v1/events/session.")
    _check_origin(sender, ports)
    user, session, tenant = ids
    claims = TokenClaims(
        user_id=UserId(user), session_id=SessionId(session), tenant_id=None if tenant == NO_TENANT else TenantId(tenant), expires_at=0
    )
    return context.acting(await ports.access.principal(claims)), inf


def _check_origin(sender: Sender, ports: StreamPorts) -> None:
    """Refuse a page of another origin. A program that is no browser sends no Origin [RFC 6454, section 7]."""
    origin = sender.origin
    if origin is not None and not ports.pages.allow(origin, sender.host):
        raise Forbidden("The origin of the page may not read events. Add it to SERVER__CORS_ORIGINS.")
    if origin is None and sender.cross_site:
        raise Forbidden("A page of another site may not read events.")

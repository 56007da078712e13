"""Cross-origin requests [Fetch, CORS protocol] from allowed origins. This middleware answers preflights itself."""

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.middleware.http_exchange import http_exchange_of

EXPOSED: Final = (
    b"API-Version, Accept-Query, Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, "
    b"Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Complete, Upload-Draft-Interop-Version, "
    b"Upload-Expires, Upload-Length, Upload-Limit, Upload-Metadata, Upload-Offset, X-Request-ID, traceparent"
)
METHODS: Final = b"GET, HEAD, QUERY, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED: Final = (
    b"API-Version, Apollo-Require-Preflight, Authorization, Content-Disposition, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Last-Event-ID, Range, Tus-Resumable, Upload-Checksum, "
    b"Upload-Complete, Upload-Defer-Length, Upload-Draft-Interop-Version, Upload-Length, Upload-Metadata, Upload-Offset, "
    b"X-Apollo-Operation-Name, X-Request-ID, traceparent, tracestate"
)
PREFLIGHT: Final = (
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", ALLOWED),
    (b"access-control-max-age", b"600"),
)
_VARY: Final = (b"vary", b"Origin")


class CrossOrigin:
    """`origins` are exact, or `*` for any (not together with credentials)."""

    def __init__(self, origins: Sequence[str], credentials: bool) -> None:
        self._any = "*" in origins and not credentials
        self._origins = frozenset(origin.encode() for origin in origins)
        self._headers = [(b"access-control-expose-headers", EXPOSED)]
        if credentials:
            self._headers.append((b"access-control-allow-credentials", b"true"))

    def headers(self, origin: bytes | None) -> tuple[list[tuple[bytes, bytes]], bool]:
        """Return the headers of a response to `origin`, and whether the origin is allowed. None: the request names no origin."""
        if origin is None or not (self._any or origin in self._origins):
            return [_VARY], False
        return [_VARY, (b"access-control-allow-origin", b"*" if self._any else origin), *self._headers], True


class CORSMiddleware:
    """`preflight_headers` go with preflights, which no later middleware sees."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], credentials: bool, preflight_headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._app, self._preflight_headers = app, tuple(preflight_headers)
        self._cross_origin = CrossOrigin(origins, credentials)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        headers, allowed = self._cross_origin.headers(exchange.origin)
        exchange.added += headers
        if scope["method"] == "OPTIONS" and exchange.requested_method is not None:
            await self._preflight(send, allowed)
        else:
            await self._app(scope, receive, send)

    async def _preflight(self, send: Send, allowed: bool) -> None:
        headers = self._preflight_headers + (PREFLIGHT if allowed else ())
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

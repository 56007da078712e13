"""Finds the caller of a request by schemes, asked in order: first Bearer [RFC 6750], then those of `AUTH__SCHEMES` and of contexts.

A scheme is one class in one file. Its `credentials` run before the limits, so they only look; `caller` runs after them, and may verify. Without
credentials the request is anonymous: each message declares its permission. AuditMiddleware, the next one, refuses invalid ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, runtime_checkable

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.errors import ApiBaseError, Unauthenticated
from api_base.core.protocols import AccessLookup, TokenVerifier
from api_base.core.types import Principal, current_context
from api_base.interface.middleware.http_exchange import Match, http_exchange_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request. `access_token` is the valid one of the principal; empty without one. `scope` is that of the token."""

    principal: Principal
    access_token: str = field(default="", repr=False)
    scope: str = ""


@runtime_checkable
class AuthenticationScheme(Protocol):
    """One way to authenticate a request. `name` is that of the scheme in OpenAPI, and `description` its Security Scheme Object."""

    name: str
    description: Mapping[str, object]

    def credentials(self, scope: Scope) -> bytes | None:
        """Return what the request sends for this scheme; None if it sends nothing of that kind."""
        ...

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        """Return who sends it. Raises `Unauthenticated` for wrong credentials, `Forbidden` for a request that may not use them."""
        ...


def after_scheme(authorization: bytes | None, scheme: bytes) -> bytes | None:
    """Return the credentials of an Authorization header with this scheme, in lower case; None for another one [RFC 9110, section 11.4].

    >>> after_scheme(b"Basic YTpi", b"basic")
    b'YTpi'
    """
    if authorization is None:
        return None
    sent, _, credentials = authorization.partition(b" ")
    return credentials.strip() or None if sent.lower() == scheme else None


class Bearer(AuthenticationScheme):
    """An access token [RFC 6750]. `mcp_verifier` verifies the tokens of routes for MCP clients: no other route accepts them."""

    name = "bearer"
    description: Mapping[str, object] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

    def __init__(self, verifier: TokenVerifier, mcp_verifier: TokenVerifier, access: AccessLookup) -> None:
        self._verifier, self._mcp_verifier, self._access = verifier, mcp_verifier, access

    def credentials(self, scope: Scope) -> bytes | None:
        return after_scheme(http_exchange_of(scope).authorization, b"bearer")

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        matched = http_exchange_of(scope).matched
        for_mcp = matched is not None and matched.challenge != b""
        claims = (self._mcp_verifier if for_mcp else self._verifier).verify(credentials)
        principal = await self._access.principal(claims)
        # tokens of MCP clients are not forwarded to other services; a valid token is ASCII
        return Caller(principal=principal, access_token="" if for_mcp else credentials.decode(), scope=claims.scope)


class Presented(NamedTuple):
    """The credentials of a request, and their scheme; None for one that the application does not accept."""

    scheme: AuthenticationScheme | None
    credentials: bytes

    async def caller(self, scope: Scope, /) -> Caller:
        """Return who sends the request. Raises `Unauthenticated` and `Forbidden`."""
        if self.scheme is None:
            raise Unauthenticated("The Authorization header is malformed. Send: Bearer <access token>.")
        return await self.scheme.caller(scope, self.credentials)


_UNKNOWN: Final = Presented(None, b"")


class Schemes:
    """The schemes of an application, in the order in which they are asked."""

    def __init__(self, bearer: Bearer, others: Sequence[AuthenticationScheme] = ()) -> None:
        self._bearer, self.all = bearer, (bearer, *others)

    def presented(self, scope: Scope) -> Presented | None:
        """Return what the request presents; None for an anonymous one. Routes for MCP clients know Bearer only."""
        exchange = http_exchange_of(scope)
        for_mcp = exchange.matched is not None and exchange.matched.challenge != b""
        for scheme in (self._bearer,) if for_mcp else self.all:
            credentials = scheme.credentials(scope)
            if credentials is not None:
                return Presented(scheme, credentials)
        return None if exchange.authorization is None else _UNKNOWN


class AuthMiddleware:
    """A route with `auth="ignored"` gets no principal: a client that refreshes may send the expired token."""

    def __init__(self, app: ASGIApp, exempt: tuple[str, ...]) -> None:
        self._app, self._exempt = app, exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        if exchange.presented is not None and not self._ignores_token(scope, exchange.matched):
            try:
                caller = await exchange.presented.caller(scope)
                exchange.scope = caller.scope
                exchange.context = exchange.context.acting(caller.principal, caller.access_token)
                current_context.set(exchange.context)
            except ApiBaseError as error:
                exchange.error = error
        await self._app(scope, receive, send)

    def _ignores_token(self, scope: Scope, matched: Match | None) -> bool:
        route = None if matched is None else matched.route
        if route is not None:
            return route.ignores_token
        path: str = scope["path"]
        return path.startswith(self._exempt)

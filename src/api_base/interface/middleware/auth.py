"""Verifies the bearer token [RFC 6750] and looks up its principal.

Without a token the request is anonymous: each message declares its permission. AuditMiddleware, the next one, refuses an invalid token.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.errors import ApiBaseError, Unauthenticated
from api_base.core.protocols import AccessLookup, TokenVerifier
from api_base.core.types import current_context
from api_base.interface.middleware.http_exchange import Match, http_exchange_of


class AuthMiddleware:
    """A route with `auth="ignored"` gets no principal: a client that refreshes may send the expired token.

    `mcp_verifier` verifies the tokens of routes for MCP clients; no other route accepts them. They are not forwarded to other services.
    """

    def __init__(
        self, app: ASGIApp, verifier: TokenVerifier, mcp_verifier: TokenVerifier, access: AccessLookup, exempt: tuple[str, ...]
    ) -> None:
        self._app, self._verifier, self._mcp_verifier, self._access, self._exempt = app, verifier, mcp_verifier, access, exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        if exchange.authorization is not None and not self._ignores_token(scope, exchange.matched):
            try:
                token = _bearer(exchange.authorization)
                for_mcp = exchange.matched is not None and exchange.matched.challenge != b""
                claims = (self._mcp_verifier if for_mcp else self._verifier).verify(token)
                principal = await self._access.principal(claims)
                exchange.scope = claims.scope
                exchange.context = exchange.context.acting(principal, "" if for_mcp else token.decode())  # a valid token is ASCII
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


def _bearer(authorization: bytes) -> bytes:
    scheme, _, token = authorization.partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise Unauthenticated("The Authorization header is malformed. Send: Bearer <access token>.")
    return token.strip()

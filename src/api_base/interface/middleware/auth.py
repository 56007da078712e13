"""Finds the caller by the scheme whose credentials the request presents: by default an access token [RFC 6750].

Without credentials the request is anonymous: each message declares its permission. AuditMiddleware, the next one, refuses invalid ones.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.errors import ApiBaseError
from api_base.core.types import current_context
from api_base.interface.middleware.http_exchange import Match, http_exchange_of


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

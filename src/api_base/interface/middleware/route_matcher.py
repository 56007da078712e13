"""Finds the route of each request before the middlewares that depend on it: limits and authentication."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.middleware.http_exchange import RouteFinder, http_exchange_of


class RouteMatcher:
    """Stores the match of each request in its exchange."""

    def __init__(self, app: ASGIApp, routes: RouteFinder) -> None:
        self._app, self._find = app, routes.find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            http_exchange_of(scope).matched = self._find(scope["method"], scope["path"])
        await self._app(scope, receive, send)

"""Serve the route that the request matches, behind all middlewares.

FastAPI's router serves the others, which it searches linearly: `/docs`, routes of plain APIRouters behind their guards, unknown paths.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.errors.handlers import send_error
from api_base.interface.errors.http import MethodNotAllowed
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.operation import Operation
from api_base.interface.routes.plain import PlainRoute


class Dispatcher:
    """An ASGI application around `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = http_exchange_of(scope)
        matched = exchange.matched
        if matched is None:
            await self._app(scope, receive, send)
            return
        exchange.route, route = matched.template, matched.route
        if route is None:
            allowed = sorted({*matched.allowed, *(["HEAD"] if "GET" in matched.allowed else [])})
            await send_error(scope, send, MethodNotAllowed(", ".join(allowed).encode()))
        elif isinstance(route, Operation):
            await route(scope, receive, send, matched.values)
        elif isinstance(route, PlainRoute):
            await route.serve(self._app, scope, receive, send)

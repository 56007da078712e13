"""Middlewares of contexts: each sees only the requests below the prefix of its context."""

from collections.abc import Mapping, Sequence

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send


class PrefixMiddleware:
    """Sends a request through the middlewares `by_prefix`, first to last, if its path is below their prefix."""

    def __init__(self, app: ASGIApp, by_prefix: Mapping[str, Sequence[Middleware]]) -> None:
        self._app = app
        self._by_prefix = {f"{prefix}/": _wrapped(app, middlewares) for prefix, middlewares in by_prefix.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            path = f"{scope['path']}/"
            app = next((wrapped for prefix, wrapped in self._by_prefix.items() if path.startswith(prefix)), app)
        await app(scope, receive, send)


def _wrapped(app: ASGIApp, middlewares: Sequence[Middleware]) -> ASGIApp:
    for middleware in reversed(middlewares):
        app = middleware.cls(app, *middleware.args, **middleware.kwargs)
    return app

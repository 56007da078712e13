"""Gives each request the shape of the errors of its prefix, before anything can refuse it."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.errors.shape import SHAPE, ProblemShape


class ProblemShapeMiddleware:
    """`by_prefix` are the shapes of contexts. Errors elsewhere are problems."""

    def __init__(self, app: ASGIApp, by_prefix: Mapping[str, ProblemShape]) -> None:
        self._app, self._by_prefix = app, {f"{prefix}/": shape for prefix, shape in by_prefix.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = f"{scope['path']}/"
            for prefix, shape in self._by_prefix.items():
                if path.startswith(prefix):
                    scope[SHAPE] = shape
        await self._app(scope, receive, send)

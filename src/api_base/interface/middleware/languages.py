"""Gives each request the sentences of all contexts in other languages, before anything can refuse it."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.core.types import Language
from api_base.interface.errors.translation import Catalogue, current_catalogues


class CataloguesMiddleware:
    """Sets `current_catalogues`, which are those of the base without it."""

    def __init__(self, app: ASGIApp, catalogues: Mapping[Language, Catalogue]) -> None:
        self._app, self._catalogues = app, catalogues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        current_catalogues.set(self._catalogues)
        await self._app(scope, receive, send)

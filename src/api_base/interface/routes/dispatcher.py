"""Find the operation of a request in a dictionary: the time does not depend on the number of routes.

All other requests go to FastAPI's router, which searches linearly: `/docs`, routes of plain APIRouters, unknown paths.
"""

from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.errors.handlers import send_error
from api_base.interface.errors.http import MethodNotAllowed
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.operation import Operation

_ANY: Final = "/"
"""Matches any value in a key: no segment of a path contains it."""
type _Key = tuple[str, ...]


class Dispatcher:
    """An ASGI application around `app`."""

    def __init__(self, app: ASGIApp, operations: Iterable[Operation]) -> None:
        self._app = app
        self._table: dict[_Key, dict[str, Operation]] = {}
        self._masks: dict[int, list[tuple[int, ...]]] = {}
        for operation in operations:
            self._register(operation)

    def _register(self, operation: Operation) -> None:
        segments = operation.template.split("/")
        mask = tuple(i for i, segment in enumerate(segments) if segment.startswith("{"))
        key = tuple(_ANY if i in mask else segment for i, segment in enumerate(segments))
        self._table.setdefault(key, {})[operation.method] = operation
        masks = self._masks.setdefault(len(segments), [])
        if mask not in masks:
            masks.append(mask)
            masks.sort(key=len)  # fewer placeholders first: /items/batch before /items/{id}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        segments = scope["path"].split("/")
        for mask in self._masks.get(len(segments), ()):
            values = tuple([segments[i] for i in mask])
            for i in mask:
                segments[i] = _ANY
            found = self._table.get(tuple(segments))
            for i, value in zip(mask, values, strict=True):
                segments[i] = value
            if found is not None and "" not in values:
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                operation = found.get(method)
                if operation is not None:
                    await operation(scope, receive, send, values)
                    return
                await _refuse(scope, send, found)
                return
        await self._app(scope, receive, send)


async def _refuse(scope: Scope, send: Send, found: dict[str, Operation]) -> None:
    http_exchange_of(scope).route = next(iter(found.values())).template
    allowed = sorted({*found, *(["HEAD"] if "GET" in found else [])})
    await send_error(scope, send, MethodNotAllowed(", ".join(allowed).encode()))

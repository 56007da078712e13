"""The path of `SERVER__PUBLIC_URL`, below which clients reach the application while its routes do not have it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

public_prefix: Final[ContextVar[str]] = ContextVar("public_prefix", default="")
"""What comes before a path of this application in every URL of an answer: the path of `SERVER__PUBLIC_URL`, or nothing. The scheme and the host
are those that the client used."""


@contextmanager
def below(prefix: str) -> Iterator[None]:
    """Set `public_prefix`. It is empty, or begins with a slash and ends without one.

    >>> with below("/shop"):
    ...     public_prefix.get() + "/api/v1/items"
    '/shop/api/v1/items'
    """
    token = public_prefix.set(prefix)
    try:
        yield
    finally:
        public_prefix.reset(token)


class PublicPathMiddleware:
    """Removes `prefix` from the path of a request. A proxy may have removed it before: then the path stays as it is."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix, self._raw = app, prefix, prefix.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if f"{scope['path']}/".startswith(f"{self._prefix}/"):
            scope["path"] = scope["path"].removeprefix(self._prefix) or "/"
            if "raw_path" in scope:  # not every server gives it [ASGI, HTTP connection scope]
                scope["raw_path"] = scope["raw_path"].removeprefix(self._raw) or b"/"
        with below(self._prefix):
            await self._app(scope, receive, send)


class PublicScope:
    """Shows FastAPI's own routes the request as clients sent it to `public_url`, so that `request.url` and `request.url_for` are right."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        parts = urlsplit(public_url)
        self._app, self._scheme, self._host, self._prefix = app, parts.scheme, parts.netloc.encode(), parts.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(b"host", self._host), *(one for one in scope["headers"] if one[0] != b"host")]
            raw = {"raw_path": self._prefix.encode() + scope["raw_path"]} if "raw_path" in scope else {}
            path = self._prefix + scope["path"]
            scope = {**scope, "scheme": self._scheme, "headers": headers, "root_path": self._prefix, "path": path, **raw}
        await self._app(scope, receive, send)

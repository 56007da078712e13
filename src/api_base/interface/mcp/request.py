"""One POST to `/mcp` before the SDK sees it: who may send it, and whether its body is one JSON-RPC message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import Receive, Scope

from api_base.core.errors import Forbidden
from api_base.interface.errors.http import MalformedBody, MisdirectedRequest
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.routes import body as bodies
from api_base.interface.routes.negotiation import accepts
from api_base.interface.routes.parameters import header

MAX_CLIENT: Final = 100
"""Characters of a client's name that are kept."""
_STRANGE: Final = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class McpRequest:
    """`document` is the body as JSON; `problem` says why it is none. `headers` holds each header once; `lines` holds all of them.

    `scope` is that of the token, `acceptable` whether the client accepts JSON.
    """

    document: Any
    problem: str
    headers: Mapping[str, str]
    lines: tuple[tuple[str, str], ...]
    scope: str
    acceptable: bool


class Hosts:
    """The names under which the server is reached, and the origins of pages that may call it, against DNS rebinding."""

    def __init__(self, public_url: str, allowed_hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
        self._own, self._allowed = urlsplit(public_url).netloc.lower(), allowed_hosts
        self._pages = PageOrigins([one for one in origins if one != "*"], public_url)
        self._loopback = (urlsplit(public_url).hostname or "") in _LOOPBACK

    def check(self, scope: Scope) -> None:
        """Raise `MisdirectedRequest` for a foreign Host, `Forbidden` for a foreign Origin."""
        host = (header(scope, b"host") or "").lower()
        if not (host == self._own or self._is_allowed(host)):
            raise MisdirectedRequest("The MCP server does not serve this Host. Use the URL of `resource` in its metadata.")
        origin = header(scope, b"origin")
        if origin is not None and not self._pages.allow(origin, host if self._loopback else None):
            raise Forbidden("Pages of this Origin may not call the MCP server. Allow it in SERVER__CORS_ORIGINS.")

    def _is_allowed(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name = parts.hostname or ""
        except ValueError:
            return False
        if self._loopback and name in _LOOPBACK:
            return True
        return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in self._allowed)


_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 -- a server on all interfaces is reached by the former


class McpBody:
    """Reads the body of a request."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def read(self, scope: Scope, receive: Receive, limit: int) -> McpRequest:
        """Raises `MisdirectedRequest`, `Forbidden`, `UnsupportedMediaType`, `BodyTooLarge`."""
        self._hosts.check(scope)
        raw = await bodies.read(scope, receive, limit, bodies.JSON)
        lines = tuple(
            (name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in scope["headers"]
        )  # [RFC 9110, section 5.5]
        document, problem = None, ""
        try:
            document = await bodies.document(raw)
        except MalformedBody as error:
            problem = str(error)
        accept = header(scope, b"accept")
        return McpRequest(
            document=document,
            problem=problem,
            headers=dict(lines),
            lines=lines,
            scope=http_exchange_of(scope).scope,
            acceptable=accept is None or accepts(accept, "application/json"),
        )

    def __call__(self) -> None:
        """Declare nothing: the specification of MCP describes the body."""


def cleaned(name: object) -> str:
    """Return a client's name as it is stored: printable ASCII, bounded. Clients choose their names, so they prove nothing."""
    return _STRANGE.sub("?", name[: 4 * MAX_CLIENT])[:MAX_CLIENT].strip() if isinstance(name, str) else ""

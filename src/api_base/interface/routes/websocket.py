"""WebSocket routes. The handshake [RFC 6455, section 4.2] is a GET request, which passes all middlewares; refused ones are answered with problems.

A server that can switch protocols gives the request the extension `SWITCH`: a function that takes the headers of the answer and the connection.
Pages of the server itself and of SERVER__CORS_ORIGINS may connect; a request without `Origin` is no browser's.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.types import Scope

from api_base.core.config import Settings
from api_base.core.errors import Forbidden
from api_base.core.protocols import Limit
from api_base.interface.errors.http import BadRequest, UpgradeRequired
from api_base.interface.middleware.http_exchange import SWITCH, WEBSOCKET, http_exchange_of
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.routes.parameters import header
from api_base.interface.websocket.registry import OpenSockets
from api_base.interface.websocket.socket import Serve, WebSocketOptions

if TYPE_CHECKING:
    from websockets.extensions import Extension
    from websockets.typing import Subprotocol

    from api_base.interface.websocket.connection import WebSocketConnection

type Switch = Callable[[Sequence[tuple[bytes, bytes]], "WebSocketConnection"], bool]
"""Returns whether the connection has begun: the client may have left, or have sent more than the handshake."""


class WebSocketRoute:
    """`template` is the path of the route, without names in braces."""

    ignores_token, login, challenge = False, False, b""

    def __init__(self, template: str, serve: Serve, options: WebSocketOptions, settings: Settings, sockets: OpenSockets) -> None:
        self.template, self.method, self.limits = template, WEBSOCKET, tuple[Limit, ...]()
        self._serve, self._options, self._sockets = serve, options, sockets
        self._deflate = sockets.settings.deflate
        self._pages = PageOrigins(settings.server.cors_origins, settings.server.public_url)

    def accept(self, scope: Scope) -> None:
        """Switch to WebSocket. Raises `BadRequest` or another error of the tree if the handshake is refused."""
        exchange = http_exchange_of(scope)
        if scope["query_string"]:
            raise BadRequest("A WebSocket takes no query. Send tokens in the Authorization header or the first message, never in the URL.")
        origin = self._checked_origin(scope, exchange.origin)
        headers, subprotocol, extensions = self._negotiated(scope)
        self._sockets.admit(exchange.context.address, authenticated=exchange.context.principal is not None)
        from api_base.interface.websocket.connection import WebSocketConnection

        connection = WebSocketConnection(
            exchange.context, self._sockets, self._serve, self._options, subprotocol=subprotocol, origin=origin, extensions=extensions
        )
        switch: Switch = scope["extensions"][SWITCH]
        if not switch([*headers, *exchange.added], connection):
            connection.forget()
            raise BadRequest("A client must wait for the answer to the handshake before it sends frames [RFC 6455, section 4.1].")
        exchange.status, exchange.started = 101, True

    def _checked_origin(self, scope: Scope, origin: bytes | None) -> str | None:
        """Return the origin of a browser's request. Raises `Forbidden` for an origin that may not connect."""
        if origin is None:
            return None
        text = origin.decode("latin-1")
        if not self._pages.allow(text, header(scope, b"host")):
            raise Forbidden(f"Pages of the origin {text[:200]!r} may not connect. Add it to SERVER__CORS_ORIGINS.")
        return text

    def _negotiated(self, scope: Scope) -> tuple[list[tuple[bytes, bytes]], str | None, "Sequence[Extension]"]:
        from websockets.datastructures import Headers
        from websockets.exceptions import InvalidHeader
        from websockets.http11 import Request
        from websockets.server import ServerProtocol

        from api_base.interface.websocket.deflate import SharedDeflate

        fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        if (version := header(scope, b"sec-websocket-version")) != "13":
            raise UpgradeRequired(f"The version of the WebSocket protocol must be 13 [RFC 6455], not {(version or '')[:20]!r}.")
        server = ServerProtocol(
            extensions=[SharedDeflate()] if self._deflate else [], select_subprotocol=lambda _, offered: self._selected(offered)
        )
        try:
            accept, extensions, subprotocol = server.process_request(Request(scope["path"], fields))
        except InvalidHeader as error:
            raise BadRequest(f"The header {error.name} of the WebSocket handshake is missing, repeated or malformed.") from None
        answered = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept.encode())]
        if extensions is not None:
            answered.append((b"sec-websocket-extensions", extensions.encode()))
        if subprotocol is not None:
            answered.append((b"sec-websocket-protocol", subprotocol.encode()))
        return answered, subprotocol, server.extensions

    def _selected(self, offered: "Sequence[Subprotocol]") -> "Subprotocol | None":
        for one in self._options.subprotocols:
            if one in offered:
                return offered[offered.index(one)]
        if offered or self._options.required:
            raise BadRequest(f"Offer one of these subprotocols in Sec-WebSocket-Protocol: {', '.join(self._options.subprotocols)}.")
        return None

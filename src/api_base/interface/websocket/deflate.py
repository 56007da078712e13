"""Negotiation of compression [RFC 7692]: no context takeover in either direction, and a window of 4 KiB for what the server sends."""

from collections.abc import Sequence

from websockets.exceptions import NegotiationError
from websockets.extensions import Extension, ServerExtensionFactory
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.typing import ExtensionName, ExtensionParameter

from api_base.interface.websocket.socket import WINDOW_BITS


class SharedDeflate(ServerExtensionFactory):
    """Declines an offer with a smaller window: compressed messages are shared by all clients."""

    name = ExtensionName("permessage-deflate")

    def __init__(self) -> None:
        self._factory = ServerPerMessageDeflateFactory(True, True, WINDOW_BITS, WINDOW_BITS)

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], Extension]:
        """Return the agreed parameters. Raises `NegotiationError` for an offer that is not accepted."""
        agreed, extension = self._factory.process_request_params(params, accepted_extensions)
        if not isinstance(extension, PerMessageDeflate) or extension.local_max_window_bits != WINDOW_BITS:
            raise NegotiationError("the window is too small")
        return agreed, extension

"""Which page sent a request, for credentials that a browser adds by itself: a cookie must not work for a page of another origin (CSRF).

`Sec-Fetch-Site` is set by the browser, and no page can change it [Fetch Metadata]. Browsers without it send `Origin` with every change
[RFC 6454, section 7.3]. A change with neither is refused: whatever sends it is no browser, and can send a token.
"""

from typing import Final

from starlette.types import Scope

from api_base.core.errors import Forbidden
from api_base.interface.middleware.http_exchange import SWITCH
from api_base.interface.middleware.page_origins import PageOrigins

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})


def require_own_page(scope: Scope, pages: PageOrigins) -> None:
    """Raise `Forbidden` unless a page among `pages`, or the reader of a safe method, sent the request. A WebSocket's handshake is not safe."""
    sent = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin", b"sec-fetch-site")}
    origin, site = sent.get(b"origin"), sent.get(b"sec-fetch-site")
    if origin is not None:
        allowed = pages.allow(origin, sent.get(b"host"))
    else:
        safe = scope["method"] in _SAFE and SWITCH not in scope.get("extensions", ())
        allowed = site == "same-origin" or (safe and site in (None, "none"))
    if not allowed:
        raise Forbidden(
            "The cookie is not accepted from the page of another origin. Send the request from a page of this server or of SERVER__CORS_ORIGINS, "
            "or send an access token."
        )

"""A session in cookies, for pages of a browser: scripts cannot read them [RFC 6265bis, section 4.1.3].

`__Host-` binds a cookie to this host, with TLS and for all paths, so that no other host of the domain can plant one. `SameSite=Strict` keeps
browsers from sending it with requests of other sites, and `require_own_page` refuses those that come nevertheless.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import cookie_parser
from starlette.types import Scope

from api_base.core.protocols import AccessLookup, TokenVerifier
from api_base.interface.middleware.auth import AuthenticationScheme, Caller
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.middleware.page_requests import require_own_page

ACCESS: Final = "__Host-session"
"""Holds the access token."""
REFRESH: Final = "__Host-refresh"
"""Holds the refresh token; only POST /api/v1/auth/cookie/refresh reads it."""


class SessionCookie(AuthenticationScheme):
    """`pages` are the origins whose pages may use the cookie."""

    name = "cookie"
    description: Mapping[str, object] = {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS,
        "description": "Set by POST /api/v1/auth/cookie. Accepted from pages of this server and of its allowed origins only.",
    }

    def __init__(self, verifier: TokenVerifier, access: AccessLookup, pages: PageOrigins) -> None:
        self._verifier, self._access, self._pages = verifier, access, pages

    def credentials(self, scope: Scope) -> bytes | None:
        value = cookie_value(scope, ACCESS)
        return None if value is None else value.encode("latin-1", "replace")

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        require_own_page(scope, self._pages)
        principal = await self._access.principal(self._verifier.verify(credentials))
        return Caller(principal=principal, access_token=credentials.decode())


def cookie_value(scope: Scope, name: str) -> str | None:
    """Return the value of a cookie, or None. A cookie that is sent twice is none: one of the two may be planted."""
    sent = "; ".join(value.decode("latin-1") for key, value in scope["headers"] if key == b"cookie")
    if sent.count(f"{name}=") != 1:
        return None
    return cookie_parser(sent).get(name) or None


def set_cookie(name: str, value: str, seconds: int) -> tuple[bytes, bytes]:
    """Return the header that sets a cookie for `seconds`; 0 removes it."""
    return b"set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict".encode()

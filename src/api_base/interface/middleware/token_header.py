"""An access token under the scheme `Token`."""

from collections.abc import Mapping

from starlette.types import Scope

from api_base.core.protocols import AccessLookup, TokenVerifier
from api_base.interface.middleware.auth import AuthenticationScheme, Caller, after_scheme
from api_base.interface.middleware.http_exchange import http_exchange_of


class TokenHeader(AuthenticationScheme):
    """An access token as `Authorization: Token …`, for clients that were written for such an API."""

    name = "token"
    description: Mapping[str, object] = {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token ` and the access token.",
    }

    def __init__(self, verifier: TokenVerifier, access: AccessLookup) -> None:
        self._verifier, self._access = verifier, access

    def credentials(self, scope: Scope) -> bytes | None:
        return after_scheme(http_exchange_of(scope).authorization, b"token")

    async def caller(self, scope: Scope, credentials: bytes) -> Caller:
        principal = await self._access.principal(self._verifier.verify(credentials))
        return Caller(principal=principal, access_token=credentials.decode())

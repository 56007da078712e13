"""`/.well-known/jwks.json`: the public keys with which other services verify access tokens [RFC 7517]."""

from collections.abc import Mapping

from api_base.core.protocols import TokenIssuer
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.rendering import ProtocolAnswer


def routes(issuer: TokenIssuer) -> Router:
    router = Router(tags=["auth"])

    @router.get(
        "/.well-known/jwks.json",
        RouteOptions(auth="ignored", protocol="jwks", cache="public, max-age=300"),
        summary="Public keys of the access tokens",
        response_model=Mapping[str, object],
    )
    async def read_key_set() -> ProtocolAnswer:
        return ProtocolAnswer(status=200, content=issuer.key_set())

    return router

"""The authentication schemes of an application: Bearer, those of `AUTH__SCHEMES`, and those of contexts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from fastapi import APIRouter

from api_base.application.auth.password_callers import VerifiedPasswords
from api_base.bootstrap.context import Ports
from api_base.bootstrap.contexts.identities import credentials
from api_base.bootstrap.services import Services
from api_base.core.config import Settings
from api_base.infrastructure.tenants.queries import SqlMemberships
from api_base.interface import cookie_router
from api_base.interface.middleware.auth import AuthenticationScheme, Bearer, Schemes
from api_base.interface.middleware.basic import Basic
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.middleware.session_cookie import SessionCookie
from api_base.interface.middleware.token_header import TokenHeader
from api_base.interface.routes.versions import API

BUILT_IN: Final[Mapping[str, Callable[[Ports, Services], AuthenticationScheme]]] = {
    "token": lambda ports, services: TokenHeader(services.container.token_verifier, services.container.access),
    "cookie": lambda ports, services: SessionCookie(
        services.container.token_verifier, services.container.access, own_pages(ports.settings)
    ),
    "basic": lambda ports, services: Basic(
        VerifiedPasswords(credentials(ports), SqlMemberships(ports.database), ports.password_hasher, services.container.access)
    ),
}
"""The schemes by their name in `AUTH__SCHEMES`."""


def schemes(services: Services) -> Schemes:
    """Return the schemes in the order in which a request is compared with them."""
    container, chosen = services.container, services.settings.auth.schemes
    bearer = Bearer(container.token_verifier, container.mcp_token_verifier, container.access)
    return Schemes(bearer, [*(BUILT_IN[name](services.ports, services) for name in chosen), *services.declarations.schemes])


def own_pages(settings: Settings) -> PageOrigins:
    """Return the pages that may use cookies: those of this server and of the allowed origins, but not of every origin."""
    return PageOrigins([origin for origin in settings.server.cors_origins if origin != "*"], settings.server.public_url)


def cookie_routers(services: Services) -> Iterator[tuple[str, APIRouter]]:
    """Yield the routes that set the cookies, if these are accepted."""
    settings = services.settings
    if "cookie" in settings.auth.schemes:
        yield (
            API,
            cookie_router.routes(
                services.bus,
                own_pages(settings),
                access_seconds=settings.security.access_token_seconds,
                refresh_seconds=settings.security.refresh_token_seconds,
            ),
        )

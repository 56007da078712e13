"""How the application finds the version of the API that a request is for."""

from collections.abc import Sequence

from starlette.middleware import Middleware

from api_base.bootstrap.services import Services
from api_base.interface.routes.versions import VERSION
from api_base.interface.versioning.strategies import VersionMiddleware


def version_middleware(services: Services) -> Middleware | None:
    """Return the middleware that finds it; None where the path says it."""
    chosen = services.versions.strategy
    if chosen is None:
        return None
    return Middleware(VersionMiddleware, strategy=chosen, bases=bases(services), numbers=services.versions.numbers)


def bases(services: Services) -> Sequence[str]:
    """Return the paths that all versions share, the longest first."""
    found = {context.prefix.removesuffix(VERSION) for context in services.contexts if context.prefix.endswith(VERSION)}
    return sorted(found, key=len, reverse=True)

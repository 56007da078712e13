"""Which routes an application has: of its contexts, of the protocols beside REST, and of the base itself."""

from collections.abc import Callable, Iterator

from fastapi import APIRouter, FastAPI

from api_base import __version__
from api_base.application.exports.begin_export import BeginExport
from api_base.bootstrap.authentication import cookie_routers, own_pages
from api_base.bootstrap.graphql import graphql_engine, graphql_routes, graphql_schema
from api_base.bootstrap.mcp import mcp_routers
from api_base.bootstrap.services import Services
from api_base.bootstrap.websockets import websocket_routers
from api_base.bootstrap.wiring_check.events import named_events
from api_base.core.protocols import SignedStorage
from api_base.infrastructure.db.session import DatabaseHealthCheck
from api_base.interface import docs_router, events_router, links_router, openapi, storage_router, stream_router
from api_base.interface.errors import pages
from api_base.interface.graphql.sessions import LiveSessions
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.routes.exports import Exports
from api_base.interface.routes.versions import API
from api_base.interface.stream_router import StreamPorts
from api_base.interface.v1 import health_router, keys_router, metrics_router


def mounted_routers(services: Services, streams: StreamPorts, limits: Callable[[], RequestLimits]) -> list[tuple[str, APIRouter]]:
    """Return the routers that the dispatcher serves, with their prefixes. `limits` exist once the routes are known."""
    container, contexts, bus, settings = services.container, services.contexts, services.bus, services.settings
    rest = services.declarations.routers
    engine = graphql_engine(graphql_schema(contexts, tuple(rest)), bus, settings)
    sessions = LiveSessions(container.realtime, container.token_verifier, container.access, limits)
    return services.mounted(
        [
            *rest,
            *services.declarations.protocol_routers,
            ("", keys_router.routes(container.token_issuer)),
            *cookie_routers(services),
            *mcp_routers(services),
            *websocket_routers(container, contexts, limits),
            *(
                [("", storage_router.routes(container.storage, container.upload_streams))]
                if isinstance(container.storage, SignedStorage)
                else []
            ),
            ("", stream_router.routes(streams)),
            ("", graphql_routes(engine, sessions, settings)),
        ]
    )


def unversioned_routers(services: Services, app: FastAPI) -> Iterator[APIRouter]:
    """Yield the routes that FastAPI serves, outside the API: health checks, metrics, documentation."""
    settings, container = services.settings, services.container
    yield health_router.routes(
        [DatabaseHealthCheck(container.database), *services.declarations.checks],
        container.policies.checks,
        details=settings.shows_internals,
    )
    token = settings.observability.metrics_token
    if settings.observability.metrics_port is None and (token is not None or settings.environment != "production"):
        yield metrics_router.routes(lambda: container.metrics, token)  # by the first scrape
    yield links_router.routes(settings.app_name, services.versions.public(API, services.versions.newest))
    yield pages.routes()
    if settings.shows_internals:
        yield openapi.routes(app, services.versions.numbers)
        yield docs_router.routes(settings.app_name)
        yield events_router.routes(
            settings.app_name, __version__, [event for context in services.contexts for event in named_events(context)]
        )


def exports(services: Services) -> Exports | None:
    """Return what exports lists; None without the context that records exports."""
    return Exports(services.bus, services.container.checker) if services.declarations.is_handled(BeginExport) else None


def stream_ports(services: Services) -> StreamPorts:
    """Return what streams of events need. `drain` of it ends them when the process stops."""
    container, settings = services.container, services.settings
    return StreamPorts(
        hub=container.realtime,
        verifier=container.token_verifier,
        access=container.access,
        tokens=container.link_tokens,
        pages=own_pages(settings),
        secure=settings.environment != "development",
        max_streams=settings.server.max_connections // 2,  # the others are for requests
    )

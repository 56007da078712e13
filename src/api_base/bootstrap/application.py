"""`create_app`: contexts and settings become an ASGI application."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from api_base import __version__
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.graphql import graphql_engine, graphql_routes, graphql_schema
from api_base.bootstrap.lifespan import lifespan
from api_base.bootstrap.mcp import mcp_routers
from api_base.bootstrap.services import Services, build
from api_base.bootstrap.websockets import websocket_routers
from api_base.core.config import Settings
from api_base.core.protocols import SignedStorage
from api_base.core.shared.logging import configure_logging
from api_base.infrastructure.db.session import DatabaseHealthCheck
from api_base.infrastructure.observability.factory import json_logs
from api_base.interface import docs_router, events_router, links_router, openapi, storage_router, stream_router
from api_base.interface.errors import pages
from api_base.interface.errors.handlers import install
from api_base.interface.graphql.sessions import LiveSessions
from api_base.interface.middleware.page_origins import PageOrigins
from api_base.interface.middleware.production import StackPorts, stack
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.router import V1, route_table, websocket_routes
from api_base.interface.routes import Router
from api_base.interface.routes.dispatcher import Dispatcher, RouteTable
from api_base.interface.stream_router import StreamPorts
from api_base.interface.v1 import health_router, keys_router, metrics_router
from api_base.interface.websocket.registry import OpenSockets


def create_app(settings: Settings, contexts: Sequence[Context] = BUILT_IN) -> FastAPI:
    """Return an application with `contexts`. Its lifespan opens everything."""
    configure_logging(level=settings.observability.log_level, json=json_logs(settings))
    services = build(settings, contexts)
    routers = [(V1, context.routes(services.bus)) for context in contexts if context.routes is not None]
    schema = graphql_schema(contexts, tuple(routers))
    routers += [("", context.protocol_routes(services.bus)) for context in contexts if context.protocol_routes is not None]
    routers.append(("", keys_router.routes(services.container.token_issuer)))
    routers += mcp_routers(services)
    routers += websocket_routers(services.container, contexts, lambda: ports.limits)
    if isinstance(services.container.storage, SignedStorage):
        routers.append(("", storage_router.routes(services.container.storage)))
    streams = _stream_ports(services)
    routers.append(("", stream_router.routes(streams)))
    callers = services.container
    sessions = LiveSessions(callers.realtime, callers.token_verifier, callers.access, lambda: ports.limits)
    routers.append(("", graphql_routes(graphql_engine(schema, services.bus, settings), sessions, settings)))
    sockets = OpenSockets(settings.websocket, services.container.counters.gauge)
    table = route_table(routers, settings.server.max_body_bytes, websocket_routes(routers, settings, sockets))
    ports = _ports(services, table)
    app = FastAPI(
        title=settings.app_name,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the recorder behind the first middleware does it
        lifespan=lifespan(services),
        middleware=[*stack(settings, ports), Middleware(Dispatcher, limits=ports.limits)],
    )
    app.state.realtime, app.state.drain = services.container.realtime, streams.drain
    for prefix, router in sorted(routers, key=lambda pair: isinstance(pair[1], Router)):
        app.include_router(router, prefix=prefix)  # FastAPI searches its routes in order, and serves only those that `Operation` does not
    for router in _own_routes(services, app):
        app.include_router(router)
    install(app)
    openapi.install(app, routers, version=__version__)
    return app


def _own_routes(services: Services, app: FastAPI) -> Iterator[APIRouter]:
    """Yield the routes outside the API: health checks, metrics, documentation."""
    settings, container = services.settings, services.container
    yield health_router.routes([DatabaseHealthCheck(container.database)], container.policies.checks, details=settings.shows_internals)
    token = settings.observability.metrics_token
    if settings.observability.metrics_port is None and (token is not None or settings.environment != "production"):
        yield metrics_router.routes(lambda: container.metrics, token)  # by the first scrape
    yield links_router.routes(settings.app_name)
    yield pages.routes()
    if settings.shows_internals:
        yield openapi.routes(app)
        yield docs_router.routes(settings.app_name)
        yield events_router.routes(settings.app_name, __version__, [event for context in services.contexts for event in context.events])


def _stream_ports(services: Services) -> StreamPorts:
    container, settings = services.container, services.settings
    return StreamPorts(
        hub=container.realtime,
        verifier=container.token_verifier,
        access=container.access,
        tokens=container.link_tokens,
        pages=PageOrigins([origin for origin in settings.server.cors_origins if origin != "*"], settings.server.public_url),
        secure=settings.environment != "development",
        max_streams=settings.server.max_connections // 2,  # the others are for requests
    )


def _ports(services: Services, table: RouteTable) -> StackPorts:
    container = services.container
    return StackPorts(
        recorder=container.recorder,
        limits=RequestLimits(
            container.rate_limiter, services.settings, [*table.limits, *container.message_limits.declared], container.partition_secret
        ),
        verifier=container.token_verifier,
        mcp_verifier=container.mcp_token_verifier,
        access=container.access,
        audit=container.audit_store,
        routes=table,
    )

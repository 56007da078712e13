"""`create_app`: contexts and settings become an ASGI application."""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware

from api_base import __version__
from api_base.application.common.middleware.visit import UNKNOWN_TENANTS
from api_base.bootstrap.authentication import schemes
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.lifespan import lifespan
from api_base.bootstrap.routing import exports, mounted_routers, stream_ports, unversioned_routers
from api_base.bootstrap.services import Services, build
from api_base.bootstrap.versions import bases, version_middleware
from api_base.core.config import Settings
from api_base.core.shared.lean_imports import without
from api_base.core.shared.logging import configure_logging
from api_base.infrastructure.observability.factory import json_logs
from api_base.interface import openapi
from api_base.interface.errors.handlers import install
from api_base.interface.errors.translation import catalogues_of
from api_base.interface.middleware.auth import Schemes
from api_base.interface.middleware.production import StackPorts, stack
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.router import route_table, websocket_routes
from api_base.interface.routes import Router
from api_base.interface.routes.dispatcher import Dispatcher, RouteTable
from api_base.interface.versioning.strategies import describing
from api_base.interface.websocket.registry import OpenSockets


def create_app(settings: Settings, contexts: Sequence[Context] = BUILT_IN) -> FastAPI:
    """Return an application with `contexts`, for a process that serves it: its logs are configured. Its lifespan opens everything."""
    configure_logging(level=settings.observability.log_level, json=json_logs(settings))
    return wired_app(settings, contexts)


@without("pydantic.v1")  # FastAPI looks for models of it in each annotation: 2 MB
def wired_app(settings: Settings, contexts: Sequence[Context]) -> FastAPI:
    """Return the application. Raises `WiringError` with every fault of the contexts and their routes."""
    services = build(settings, contexts)
    services.refuse_faults()
    streams = stream_ports(services)
    routers = mounted_routers(services, streams, lambda: ports.limits)
    sockets = OpenSockets(settings.websocket, services.container.counters.gauge)
    exporting = exports(services)
    table = route_table(routers, settings.server.max_body_bytes, websocket_routes(routers, settings, sockets), exporting)
    accepted = schemes(services)
    ports = _ports(services, table, accepted)
    versions = services.versions
    shapes = {
        versions.public(context.prefix, number): context.problem
        for context in contexts
        if context.problem is not None
        for number in versions.numbers
    }
    sentences = [context.sentences for context in contexts if context.sentences is not None]
    app = FastAPI(
        title=settings.app_name,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the recorder behind the first middleware does it
        lifespan=lifespan(services),
        middleware=[
            *stack(
                settings, ports, _by_path(services), version_middleware(services), shapes, catalogues_of(sentences) if sentences else {}
            ),
            Middleware(
                Dispatcher, limits=ports.limits, deprecated=services.container.deprecated_calls, public_url=settings.server.public_url
            ),
        ],
    )
    app.state.realtime, app.state.drain, app.state.services = services.container.realtime, streams.drain, services
    for prefix, router in sorted(routers, key=lambda pair: isinstance(pair[1], Router)):
        app.include_router(router, prefix=prefix)  # FastAPI searches its routes in order, and serves only those that `Operation` does not
    unversioned = [("", router) for router in unversioned_routers(services, app)]
    services.refuse_faults([*unversioned, *routers])
    for _, router in unversioned:
        app.include_router(router)
    install(app)
    hooks = [(context.name, context.openapi) for context in contexts if context.openapi is not None]
    openapi.install(
        app,
        {number: [*versions.of(number, routers), *unversioned] for number in versions.numbers},
        version=__version__,
        hooks=hooks,
        schemes=accepted.all,
        shapes=shapes,
        prefix=settings.server.public_prefix,
        exports=exporting is not None,
        newest=settings.server.openapi_version == "3.2",
        described=describing(versions.strategy, bases(services)),
    )
    return app


def _by_path(services: Services) -> Mapping[str, Sequence[Middleware]]:
    """Return the middlewares of contexts by the paths of their routes."""
    found = services.declarations.middleware.items()
    return {path: middleware for prefix, middleware in found for path in services.versions.paths(prefix)}


def _ports(services: Services, table: RouteTable, accepted: Schemes) -> StackPorts:
    container = services.container
    return StackPorts(
        recorder=container.recorder,
        limits=RequestLimits(
            container.rate_limiter,
            services.settings,
            [*table.limits, *container.message_limits.declared, UNKNOWN_TENANTS],
            container.partition_secret,
        ),
        schemes=accepted,
        audit=container.audit_store,
        routes=table,
    )

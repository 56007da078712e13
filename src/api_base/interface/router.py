"""All routes, compiled for the dispatcher."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fastapi import APIRouter
from fastapi.routing import APIWebSocketRoute, iter_route_contexts

from api_base.core.config import Settings
from api_base.core.errors import ProgrammingError
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.dispatcher import RouteTable
from api_base.interface.routes.exports import Exports
from api_base.interface.routes.operation import Operation
from api_base.interface.routes.plain import plain_routes
from api_base.interface.routes.query_method import QueryOperation
from api_base.interface.routes.websocket import WebSocketRoute
from api_base.interface.websocket.registry import OpenSockets


def route_table(
    routers: Sequence[tuple[str, APIRouter]], body_limit: int, websockets: Iterable[WebSocketRoute] = (), exports: Exports | None = None
) -> RouteTable:
    """Return all routes of (prefix, router) pairs. `body_limit` is in bytes; without `exports`, lists are JSON alone. Raises what `operations` raises."""
    plain = (route for prefix, router in routers for route in plain_routes(prefix, router, body_limit))
    return RouteTable([*operations(routers, body_limit, exports), *websockets], plain)


def operations(routers: Sequence[tuple[str, APIRouter]], body_limit: int, exports: Exports | None = None) -> list[Operation]:
    """Compile the routes of (prefix, router) pairs. FastAPI serves the routes of its own routers.

    Raises `ProgrammingError` for a `Router` inside another router: its routes would not be served.
    """
    return list(_operations(routers, body_limit, exports))


def _operations(routers: Sequence[tuple[str, APIRouter]], body_limit: int, exports: Exports | None) -> Iterator[Operation]:
    for prefix, router in routers:
        for route in router.routes:
            if isinstance(getattr(route, "original_router", None), Router):
                raise ProgrammingError(
                    f"{prefix}{router.prefix} includes a Router. Return each Router from a Context of its own; only a plain APIRouter may be included."
                )
        for one in router.definitions if isinstance(router, Router) else ():
            signature, options = one.signature(prefix), _mounted(one.options, prefix)
            yield Operation(signature, one.method, one.status, options, body_limit, exports, one.version)
            if one.answers_query(prefix):
                yield QueryOperation(signature, options, exports, one.version)


def _mounted(options: RouteOptions, prefix: str) -> RouteOptions:
    if options.location is None or not options.location.startswith("./"):
        return options
    return replace(options, location=f"{prefix}{options.location.removeprefix('.')}")


def websocket_routes(routers: Sequence[tuple[str, APIRouter]], settings: Settings, sockets: OpenSockets) -> Iterator[WebSocketRoute]:
    """Yield the WebSocket routes of (prefix, router) pairs. Raises `ProgrammingError` for one of FastAPI's own: nothing would serve it."""
    for prefix, router in routers:
        for context in iter_route_contexts(router.routes):
            if isinstance(context.original_route, APIWebSocketRoute):
                raise ProgrammingError(f"{prefix}{context.path} is a WebSocket route of FastAPI. Declare it with `websocket` of a Router.")
        for path, serve, options in router.websockets if isinstance(router, Router) else ():
            yield WebSocketRoute(prefix + path, serve, options, settings, sockets)

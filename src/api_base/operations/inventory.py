"""What the contexts of an application declare, as lists: its routes, and its messages. Needs no database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api_base.application.common.cqrs import Message
from api_base.bootstrap.context import Context
from api_base.bootstrap.routing import mounted_routers, stream_ports, unversioned_routers
from api_base.bootstrap.services import build
from api_base.bootstrap.touched_tables import touched_by
from api_base.core.config import Settings
from api_base.core.errors import ProgrammingError
from api_base.core.shared import signatures
from api_base.interface.middleware.http_exchange import WEBSOCKET
from api_base.interface.middleware.rate_limit import RequestLimits
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.plain import plain_options
from api_base.interface.routes.router import options_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredRoute:
    """`endpoint` is `module:function`; `messages` are those that it names, with their permissions; `guard` says who passes."""

    method: str
    path: str
    endpoint: str
    messages: Sequence[str]
    permissions: Sequence[str]
    guard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredMessage:
    """`handler` and `message` are `module:class`. `tables` are those that the handler touches, as far as it says."""

    message: str
    handler: str
    permission: str
    context: str
    tables: Sequence[str]


def declared_routes(settings: Settings, contexts: Sequence[Context]) -> list[DeclaredRoute]:
    """Return every route of the application, by path and method. Raises `WiringError` with every fault of the contexts."""
    services = build(settings, contexts)
    services.refuse_faults()
    routers = [
        *mounted_routers(services, stream_ports(services), _no_limits),
        *(("", router) for router in unversioned_routers(services, FastAPI(openapi_url=None))),
    ]
    found = [route for prefix, router in routers for route in _routes(prefix, router)]
    return sorted(found, key=lambda route: (route.path, route.method))


def declared_messages(settings: Settings, contexts: Sequence[Context]) -> list[DeclaredMessage]:
    """Return every message that has a handler, by context and name. Raises `WiringError` with every fault of the contexts."""
    services = build(settings, contexts)
    services.refuse_faults()
    tables = [table.name for context in contexts for table in context.tables]
    called = {id(one) for one in services.declarations.sound_registrations}  # what another one replaces is not
    found = [
        DeclaredMessage(
            message=_named(one.message),
            handler=_named(type(one.handler)),
            permission=one.message.permission,
            context=context.name,
            tables=touched_by(one.handler, tables),
        )
        for context, one in services.declarations.registrations
        if id(one) in called
    ]
    return sorted(found, key=lambda one: (one.context, one.message.rpartition(":")[2]))


def _no_limits() -> RequestLimits:
    raise ProgrammingError("A list of routes serves no request.")


def _routes(prefix: str, router: APIRouter) -> Iterator[DeclaredRoute]:
    if isinstance(router, Router):
        for one in router.definitions:
            for method in (one.method, *(("QUERY",) if one.answers_query(prefix) else ())):
                yield _route(method, prefix + one.path, one.endpoint, one.options)
        for path, serve, _ in router.websockets:
            yield _route(WEBSOCKET, prefix + path, serve, None)
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and options_of(route) is None:
            for method in context.methods or ():
                yield _route(method, f"{prefix}{context.path}", route.endpoint, plain_options(route.openapi_extra or {}))


def _route(method: str, path: str, endpoint: object, options: RouteOptions | None) -> DeclaredRoute:
    messages = _messages(endpoint)
    return DeclaredRoute(
        method=method,
        path=path,
        endpoint=_named(endpoint),
        messages=sorted(messages),
        permissions=sorted({message.permission for message in messages.values()}),
        guard="its own" if options is None else _guard(options),
    )


def _guard(options: RouteOptions) -> str:
    """Return whether a token is required, and the limits that the route declares."""
    limits = [*([options.rate] if options.rate else []), *(limit.name for limit in options.limits)]
    return options.auth + (" (MCP)" if options.challenge else "") + (f", limits {', '.join(limits)}" if limits else "")


def _messages(endpoint: object) -> Mapping[str, type[Message[object]]]:
    """Return the messages that the code of a function names, or that its parameters are."""
    hints = [part for hint in signatures.hints(endpoint).values() for part in (hint, *get_args(hint))]
    found = [one for one in (*signatures.globals_of(endpoint).values(), *hints) if isinstance(one, type)]
    return {one.__name__: one for one in found if issubclass(one, Message) and hasattr(one, "permission")}


def _named(thing: object) -> str:
    cls = type(thing)
    return f"{getattr(thing, '__module__', cls.__module__)}:{getattr(thing, '__name__', cls.__name__)}"

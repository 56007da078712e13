"""Routes: one for each method and path, with a name of its own, whose parameters, result and options fit its function."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from string import Formatter
from typing import Final, NamedTuple, get_args, get_origin

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from api_base.application.common.cqrs import Cacheable, Message
from api_base.application.common.listing import OffsetPage, Page
from api_base.bootstrap.context import Context
from api_base.bootstrap.declarations import Declarations
from api_base.bootstrap.wiring_check import public
from api_base.core.errors import Fault, ProgrammingError
from api_base.core.shared import signatures
from api_base.core.shared.places import place_of
from api_base.interface.middleware.http_exchange import WEBSOCKET
from api_base.interface.routes import OffsetQuery, RouteOptions, Router
from api_base.interface.routes.plain import plain_options
from api_base.interface.routes.rendering import ProtocolAnswer, StreamAnswer
from api_base.interface.routes.router import RouteDefinition, options_of
from api_base.interface.routes.signature import Signature
from api_base.interface.routes.unsupported import named
from api_base.interface.routes.values import FIELDS

_NOT_EVALUATED: Final = (
    "response_model_by_alias",
    "response_model_exclude",
    "response_model_exclude_defaults",
    "response_model_exclude_none",
    "response_model_exclude_unset",
    "response_model_include",
)
"""Options of FastAPI's routes that change the response."""
_PLACEHOLDER: Final = re.compile(r"\{\w+")


class _Route(NamedTuple):
    """`name` is that in the OpenAPI document; None outside of it."""

    method: str
    path: str
    name: str | None
    endpoint: object
    options: RouteOptions | None = None


def faults(
    routers: Sequence[tuple[str, APIRouter]], declarations: Declarations, mounted: Sequence[tuple[str, APIRouter]]
) -> Iterator[Fault]:
    """Yield the faults of the routes of (prefix, router) pairs. `declarations` know which messages have a handler.

    `mounted` are those of all versions of the API. The older ones are made from the newest one: only what exists twice is found there.
    """
    found = list(_routes(routers))
    yield from _of_one_path(_routes(mounted))
    yield from _of_one_name(found)
    for route in found:
        yield from _messages(route, f"{route.method} {route.path}", declarations)
    yield from _shared_prefixes(routers, declarations)
    for prefix, router in routers:
        yield from _mounted(prefix, router)
        for one in router.definitions if isinstance(router, Router) else ():
            yield from _definition(one, prefix)


def _of_one_path(routes: Iterable[_Route]) -> Iterator[Fault]:
    """Find two routes of one path, once, although both are in each version of the API."""
    paths: dict[tuple[str, str], str] = {}
    found: set[tuple[str, str]] = set()
    for route in routes:
        place, key = place_of(route.endpoint), (route.method, _PLACEHOLDER.sub("{", route.path))
        if key in paths and (place, paths[key]) not in found:
            found.add((place, paths[key]))
            sentence = (
                f"Two routes serve {route.method} {route.path}, the first at {paths[key]}. Change the path or the method of one of them."
            )
            yield Fault(place, sentence)
        paths.setdefault(key, place)


def _of_one_name(routes: Iterable[_Route]) -> Iterator[Fault]:
    names: dict[str, str] = {}
    for route in [route for route in routes if route.name is not None]:
        place, name = place_of(route.endpoint), route.name or ""
        if name in names:
            yield Fault(
                place,
                f"Two routes have the name {name!r}, the first at {names[name]}: clients name their methods by it. Rename one of the functions.",
            )
        names.setdefault(name, place)


def _shared_prefixes(routers: Sequence[tuple[str, APIRouter]], declarations: Declarations) -> Iterator[Fault]:
    """Find routes of others below the prefix of a context with middlewares, one for each context."""
    for parts in [parts for parts in declarations.parts if parts.middleware]:
        declared = [*declarations.routers, *declarations.protocol_routers, *(("", router) for prefix, router in routers if not prefix)]
        others = [(prefix, router) for prefix, router in declared if router is not parts.routes and router is not parts.protocol_routes]
        seen = [route for route in _routes(others) if f"{route.path}/".startswith(f"{parts.context.prefix}/")]
        for route in seen[:1]:
            yield Fault(
                parts.context.declared_at,
                f"middleware of the context {parts.context.name!r} would see {route.method} {route.path}, which is not its own. "
                "Give the context a prefix of its own.",
            )


def below_public_path(routers: Sequence[tuple[str, APIRouter]], path: str) -> Iterator[Fault]:
    """Yield the fault of the first route that begins with the path of `SERVER__PUBLIC_URL`.

    A proxy may keep or remove that path: whether a request is for the route, or for the rest of its path, would be unknown.
    """
    hidden = next((route for route in _routes(routers) if path and f"{route.path}/".startswith(f"{path}/")), None)
    if hidden is not None:
        yield Fault(
            place_of(hidden.endpoint),
            f"SERVER__PUBLIC_URL has the path {path}, with which {hidden.method} {hidden.path} begins. Choose another path, "
            "or write the URL without one if clients use the path of the route itself.",
        )


def _routes(routers: Sequence[tuple[str, APIRouter]]) -> Iterator[_Route]:
    for prefix, router in routers:
        if isinstance(router, Router):
            for one in router.definitions:
                documented = router.include_in_schema and one.documented.get("include_in_schema", True)
                name = one.endpoint.__name__ if documented else None
                yield _Route(one.method, prefix + one.path, name, one.endpoint, one.options)
            for path, serve, _ in router.websockets:
                yield _Route(WEBSOCKET, prefix + path, None, serve)
        for context in iter_route_contexts(router.routes):
            route = context.original_route
            if isinstance(route, APIRoute) and options_of(route) is None:
                methods = sorted(context.methods or ())
                for method in methods:
                    name = route.name + (f"_{method.lower()}" if len(methods) > 1 else "")
                    yield _Route(method, f"{prefix}{context.path}", name if context.include_in_schema else None, route.endpoint)


def _messages(route: _Route, shown: str, declarations: Declarations) -> Iterator[Fault]:
    """Find the messages that the code of the function names."""
    for name, message in signatures.globals_of(route.endpoint).items():
        if not isinstance(message, type) or not issubclass(message, Message) or not hasattr(message, "permission"):
            continue
        if not declarations.is_handled(message):
            left_out = declarations.left_out_with(partial(_requires_permission_of, message))
            advice = left_out or f"Add on({name}, …) to a context, and the context to the application."
            yield Fault(place_of(route.endpoint), f"{shown} names the message {name}, which has no handler. {advice}")
        yield from (Fault(place_of(route.endpoint), sentence) for sentence in public.of_route(message, shown, route.path, route.options))


def _requires_permission_of(message: type[Message[object]], context: Context) -> bool:
    return message.permission in context.permissions


def _mounted(prefix: str, router: APIRouter) -> Iterator[Fault]:
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if isinstance(included, Router):
            place = place_of(included.definitions[0].endpoint) if included.definitions else prefix
            yield Fault(
                place,
                f"{prefix}{router.prefix} includes this Router. Return each Router from a Context of its own; only a plain APIRouter may be included.",
            )
    for context in iter_route_contexts(router.routes):
        route, path = context.original_route, f"{prefix}{context.path}"
        if isinstance(route, APIWebSocketRoute):
            yield Fault(place_of(route.endpoint), f"{path} is a WebSocket route of FastAPI. Declare it with `websocket` of a Router.")
        elif isinstance(route, APIRoute) and options_of(route) is None:
            try:
                plain_options(route.openapi_extra or {})
            except ProgrammingError as error:
                yield Fault(place_of(route.endpoint), f"{path}: {error}")


def _definition(one: RouteDefinition, prefix: str) -> Iterator[Fault]:
    place, name, hints = place_of(one.endpoint), one.endpoint.__name__, signatures.hints(one.endpoint)
    if not signatures.is_awaited(one.endpoint):
        yield Fault(place, f"{name} is not a coroutine function. Write async def.")
    signature = one.signature(prefix)
    yield from (Fault(place_of(call), sentence) for call, sentence in signature.faults)
    yield from (Fault(place, f"{name} {sentence}") for sentence in _read_and_sent(one, signature, hints.get("return")))
    yield from (
        Fault(place, f"{name} has {option}=…, which a Router does not evaluate. Remove it, or use fastapi.APIRouter for this route.")
        for option in _NOT_EVALUATED
        if one.documented.get(option) is not None
    )
    if "return" not in hints:
        yield Fault(place, f"{name} does not declare its result. Write -> and a DTO, or -> None for 204, with types that exist at runtime.")
    else:
        yield from _result(one, place, hints["return"])


def _read_and_sent(one: RouteDefinition, signature: Signature, result: object) -> Iterator[str]:
    """Yield what is wrong with the parts of the request that a function reads together, and with what it sends."""
    bodies, form = list(signature.bodies), [field.value.name for field in signature.form]
    if len(bodies) > 1:
        yield f"has {len(bodies)} bodies: {', '.join(bodies)}. Declare one model with the members of both."
    elif bodies and form:
        yield f"reads the body {bodies[0]!r} and a form with {', '.join(form)}. A request has one body: declare the members as fields of the form."
    if one.method in ("GET", "HEAD") and (bodies or form):
        read = f"the body {bodies[0]!r}" if bodies else f"a form with {', '.join(form)}"
        yield f"serves {one.method} and reads {read}. Serve POST, or take the value from the path or the query."
    if one.options.sparse and any(value.name == FIELDS and value.place == "query" for value in signature.values):
        yield "takes 'fields' from the query, which is a parameter of sparse=True. Rename it, or remove sparse=True."
    by_offset = any(isinstance(resolver, OffsetQuery) for _, resolver in signature.resolvers)
    if one.options.paging == "offset" and not (by_offset and get_origin(result) is OffsetPage):
        yield "has paging='offset', but does not take OffsetQuery and return an OffsetPage. Declare both, or remove paging='offset'."
    if by_offset and one.options.paging != "offset":
        yield "takes OffsetQuery, but is paged by cursor. Write RouteOptions(paging='offset'), or take ListQuery."
    ended = [named(step.call) for step in signature.steps if step.yields]
    if StreamAnswer in (result, *get_args(result)) and (ended or any(field.file for field in signature.form)):
        what = f"the dependency {ended[0]} ends" if ended else "the files of its form are closed"
        yield f"streams its answer, but {what} before it is sent. Read what the answer needs first, and return a ProtocolAnswer or a DTO."


def _result(one: RouteDefinition, place: str, result: object) -> Iterator[Fault]:
    name, query = one.endpoint.__name__, one.options.query
    if query is not None and query.cacheable is Cacheable.NEVER:
        yield Fault(place, f"{name} names the query {query.__name__}, which is not cacheable. Declare `cacheable`, or remove query=.")
    answer: object = get_args(result)[0] if get_origin(result) in (Page, OffsetPage) else result
    if not isinstance(answer, type) or not is_dataclass(answer) or answer in (ProtocolAnswer, StreamAnswer):
        return
    known = sorted(field.name for field in fields(answer))
    parts = [part for _, part, _, _ in Formatter().parse(one.options.location or "") if part]
    for part in [part for part in parts if part not in known and not hasattr(answer, part)]:
        yield Fault(place, f"The location of {name} names {part!r}, which {answer.__name__} lacks. It has {', '.join(known)}.")
    if one.options.versioned and "version" not in known:
        yield Fault(place, f"{name} is versioned, but {answer.__name__} has no field `version`. Add it, or remove versioned=True.")

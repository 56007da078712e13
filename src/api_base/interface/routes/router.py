"""FastAPI's router, whose routes have options that a signature does not express, and are served by `Operation`.

FastAPI registers these routes only to build its document (`describe`), which takes about 3 ms for each.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from string import Formatter
from types import FunctionType
from typing import Any, Final, Literal, Self, cast

from fastapi import APIRouter
from fastapi.params import Depends

from api_base.application.common.cqrs import Query
from api_base.core.protocols import Limit
from api_base.interface.routes.described import described
from api_base.interface.routes.renaming import WIRES, Rename, Wire, renamed
from api_base.interface.routes.signature import Signature
from api_base.interface.routes.versions import Version
from api_base.interface.websocket.socket import Serve, WebSocketOptions

type Paging = Literal["cursor", "offset"]
type Auth = Literal["required", "optional", "ignored"]
type Protocol = Literal["graphql", "oauth2", "jwks", "mcp", "metrics", "ofrep", "sse", "storage", "uploads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """`since` and `sunset` are seconds since the epoch [RFC 9745, 8594]; `successor` is the path that replaces the route, with the values of its path in braces.

    After its sunset, the route answers 410. Without one, it is served until it is removed.
    """

    since: int
    successor: str | None
    sunset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    """The options of a route of a `Router`. `versioned`: the response has a `version`, so it gets an ETag and supports If-None-Match.

    `location` is the path of the created resource, with fields of the response in braces; `./notes/{id}` is below the prefix of the context.
    `body_limit` is in bytes; None is the server's limit.
    `auth`: `required` refuses a request without a token before anything is read, `optional` serves it as well, `ignored` also serves a request
    with an invalid or expired token, and never sees a principal. `rate` names a stricter limit of the settings, `limits` are others.
    `cache` is the value of Cache-Control. `query` is the cacheable query whose result a GET route returns: clients may then keep the response
    (client_caching.py). `protocol` names another specification that governs the route. `replayable` is False if the response
    must not be stored, for example tokens; the route then refuses an Idempotency-Key. `challenge` follows the WWW-Authenticate of a 401; a route
    that has one accepts only tokens of MCP clients. `sparse` allows `?fields=`. `paging` is `offset` for a route that takes `OffsetQuery` and returns an `OffsetPage`. `example` is a valid
    request, `body` and `query`, for tests and documentation. Versions of the API before `since` and from `removed_in` on do not have the route.
    """

    versioned: bool = False
    location: str | None = None
    body_limit: int | None = None
    rate: Literal["login"] | None = None
    limits: tuple[Limit, ...] = ()
    cache: str = "no-store"
    query: type[Query[Any]] | None = None
    auth: Auth = "required"
    protocol: Protocol | None = None
    sparse: bool = False
    paging: Paging = "cursor"
    replayable: bool = True
    deprecation: Deprecation | None = None
    challenge: bytes = b""
    example: Mapping[str, Any] = field(default_factory=dict)
    since: Version | None = None
    removed_in: Version | None = None

    @property
    def tagged(self) -> bool:
        """Return whether the response has an ETag."""
        return self.versioned or self.query is not None


PLAIN: Final = RouteOptions(auth="optional", replayable=False)
"""The options of a route of a plain APIRouter that declares none."""

_ATTRIBUTE = "__api_base_options__"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDefinition:
    """A route of a `Router`.

    `path` is relative to the router's mount point; `documented` holds the arguments of FastAPI's `add_api_route`, `dependencies` those of the
    router and of the route that no parameter names.
    """

    method: str
    path: str
    endpoint: Callable[..., Any]
    options: RouteOptions
    documented: Mapping[str, Any]
    dependencies: Sequence[Depends] = ()
    wire: Wire | None = None
    """The names that clients see; None for those of Python."""
    version: int | None = None
    """The version of the API that the route is of; None for a route that all versions share."""
    _signatures: dict[str, Signature] = field(default_factory=dict, init=False, compare=False, repr=False)

    def signature(self, prefix: str) -> Signature:
        """Return what the function takes when the router is mounted at `prefix`."""
        if prefix not in self._signatures:
            template = prefix + self.path
            in_path = [name for _, name, _, _ in Formatter().parse(template) if name]
            endpoint = self.endpoint if self.wire is None else renamed(self.endpoint, self.wire, in_path)
            self._signatures[prefix] = Signature(endpoint, template, self.dependencies, self.wire)
        return self._signatures[prefix]

    def in_version(
        self, number: int | None, path: str, endpoint: Callable[..., Any], options: RouteOptions, description: str | None = None
    ) -> "RouteDefinition":
        """Return the route as a version of the API has it. `description` None is the one that it has."""
        made = endpoint if endpoint is not self.endpoint or options == self.options else _copied(endpoint)
        setattr(made, _ATTRIBUTE, options)
        documented = self.documented if description is None else {**self.documented, "description": description}
        return replace(self, version=number, path=path, endpoint=made, options=options, documented=documented)

    def answers_query(self, prefix: str) -> bool:
        """Return whether QUERY [RFC 10008] has the same answer: the function reads a whole query, which may then be the content.

        A route of another protocol has the methods of that.
        """
        return self.method == "GET" and self.options.protocol is None and self.signature(prefix).whole_query

    @property
    def status(self) -> int:
        """Return the status of a successful response."""
        return self.documented.get("status_code") or 200


class Router(APIRouter):
    """`@router.get("/{id}", RouteOptions(versioned=True))` on a coroutine that returns a DTO or None.

    The keyword arguments of `get`, `head`, `options`, `post`, `put`, `patch` and `delete` are those of FastAPI (`status_code`, `summary`,
    `response_model`, …). With `rename="camel"`, clients see `dueOn` for the field `due_on`. A Router belongs in a `Context`; the application does not serve one that another router includes.
    """

    def __init__(self, *arguments: Any, rename: Rename | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._wire = None if rename is None else WIRES[rename]
        self.definitions: list[RouteDefinition] = []
        self.websockets: list[tuple[str, Serve, WebSocketOptions]] = []
        self._described = 0

    def get[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve GET, and HEAD where no route declares it."""
        return self._define("GET", path, options, documented)

    def head[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve HEAD, where its answer is not that of GET."""
        return self._define("HEAD", path, options, documented)

    def options[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve OPTIONS, except preflights, which CORSMiddleware answers."""
        return self._define("OPTIONS", path, options, documented)

    def post[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve POST."""
        return self._define("POST", path, options, documented)

    def put[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve PUT."""
        return self._define("PUT", path, options, documented)

    def patch[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve PATCH."""
        return self._define("PATCH", path, options, documented)

    def delete[E: Callable[..., Any]](self, path: str, options: RouteOptions | None = None, **documented: Any) -> Callable[[E], E]:
        """Serve DELETE."""
        return self._define("DELETE", path, options, documented)

    def websocket(  # type: ignore[override]  # FastAPI's own WebSocket routes are not served
        self, path: str, options: WebSocketOptions | None = None
    ) -> Callable[[Serve], Serve]:
        """Serve WebSockets: `@router.websocket("/ws", WebSocketOptions(…))` on a coroutine function that takes a `Socket`."""

        def register(serve: Serve) -> Serve:
            self.websockets.append((self.prefix + path, serve, options or WebSocketOptions()))
            return serve

        return register

    def _define[E: Callable[..., Any]](
        self, method: str, path: str, options: RouteOptions | None, documented: Mapping[str, Any]
    ) -> Callable[[E], E]:
        def register(endpoint: E) -> E:
            chosen = options or RouteOptions()
            setattr(endpoint, _ATTRIBUTE, chosen)
            self.definitions.append(
                RouteDefinition(
                    method=method,
                    path=self.prefix + path,
                    endpoint=endpoint,
                    options=chosen,
                    documented=documented,
                    wire=self._wire,
                    dependencies=(*self.dependencies, *(documented.get("dependencies") or ())),
                )
            )
            return endpoint

        return register

    def with_definitions(self, definitions: Sequence[RouteDefinition], prefix: str | None = None) -> Self:
        """Return a router with the same options and WebSocket routes, and `definitions` in place of its own, which begin with `prefix`."""
        made = copy(self)
        made.prefix = self.prefix if prefix is None else prefix
        made.definitions, made.routes, made._described = list(definitions), [], 0
        return made

    def describe(self) -> None:
        """Add the routes to FastAPI for its document. Raises what FastAPI raises for a type that it cannot describe."""
        for one in self.definitions[self._described :]:
            self.add_api_route(one.path.removeprefix(self.prefix), described(one.signature("")), methods=[one.method], **one.documented)
        self._described = len(self.definitions)


def _copied(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function, which may have other options. It has the code of the first one: a call costs no more."""
    if not isinstance(endpoint, FunctionType):
        return copy(endpoint)
    made = FunctionType(endpoint.__code__, endpoint.__globals__, endpoint.__name__, endpoint.__defaults__, endpoint.__closure__)
    made.__kwdefaults__ = endpoint.__kwdefaults__
    return update_wrapper(made, endpoint)


def options_of(route: Any) -> RouteOptions | None:
    """Return the options of a route in FastAPI's document; None for a route of a plain APIRouter."""
    return cast("RouteOptions | None", getattr(getattr(route, "endpoint", None), _ATTRIBUTE, None))

"""One route, compiled at start, so that the work that FastAPI repeats for each request happens once.

Parameters are those of `Signature`; with any other parameter, the application does not start. The endpoint returns a DTO, or None for 204.
What it takes in addition to values of the path, a JSON body and `Resolver`s costs other operations nothing: it is a resolver, a reader of the body
and a function around the endpoint.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from string import Formatter
from typing import Any, Final, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from api_base.application.common.listing import OffsetPage, Page
from api_base.core.errors import ApiBaseError, Invalid, ProgrammingError, Unauthenticated
from api_base.interface.errors.handlers import BEARER, http_problem, invalid_of, problem_of, send_problem
from api_base.interface.middleware.http_exchange import HttpExchange, http_exchange_of
from api_base.interface.public_url import public_prefix
from api_base.interface.routes import body as bodies
from api_base.interface.routes import rendering
from api_base.interface.routes.attribute_pointers import pointing_into_body
from api_base.interface.routes.client_caching import ClientCaching, content_tag
from api_base.interface.routes.compression import MIN_BYTES, compressed, compressing
from api_base.interface.routes.dependencies import FORM, VALUES, Composed, request_of
from api_base.interface.routes.deprecations import Deprecated
from api_base.interface.routes.etags import entity_tag, known_tag, sparse_tag
from api_base.interface.routes.exports import OFFERED, SCOPE, ExportableList, Exports
from api_base.interface.routes.form import Form
from api_base.interface.routes.idempotency import METHODS, Keyed, accepts_key, keyed
from api_base.interface.routes.negotiation import JSON, chosen
from api_base.interface.routes.page_links import page_links
from api_base.interface.routes.parameters import BodyResolver, ListQuery, Resolver, header
from api_base.interface.routes.renaming import result_of, sent
from api_base.interface.routes.rendering import ProtocolAnswer, StreamAnswer
from api_base.interface.routes.router import RouteOptions
from api_base.interface.routes.signature import Signature
from api_base.interface.routes.streaming import send_stream
from api_base.interface.routes.values import Values
from api_base.interface.routes.versions import route_name

type Header = tuple[bytes, bytes]
ACCEPT_QUERY: Final[Header] = (b"accept-query", ", ".join(bodies.QUERY).encode())
"""What a resource says whose GET can be a QUERY too: a list of structured fields [RFC 10008, section 3; RFC 9651]."""
_READS: Final = ("GET", "QUERY")
_JSON: Header = (b"content-type", b"application/json")


class Operation:
    """`body_limit` is that of the server, in bytes. `exports` are those of its lists; None for an application without them.

    `version` is that of the API; None for a route that all versions share.
    """

    def __init__(
        self,
        signature: Signature,
        method: str,
        status: int,
        options: RouteOptions,
        body_limit: int,
        exports: Exports | None = None,
        version: int | None = None,
    ) -> None:
        self.endpoint, self.template = signature.endpoint, signature.template
        self.method, self.status, self.options = method, status, options
        self._authenticated = options.auth == "required"
        self.ignores_token, self.login, self.limits = options.auth == "ignored", options.rate == "login", options.limits
        self.challenge = options.challenge
        self._limit = options.body_limit or body_limit
        self.version, self.name = version, route_name(method, self.template, version)
        self._tag = entity_tag(version)
        self._changes, self._accepts_key = method in METHODS, accepts_key(method, options)
        self._body: tuple[str, Callable[[Scope, Receive], Awaitable[Any]]] | None = None
        self._caching = None if options.query is None else ClientCaching(options.query)
        self._values: Values | None = None
        self._wire, self._deprecated = signature.wire, None if options.deprecation is None else Deprecated(options.deprecation)
        self._linked = options.location is not None or options.paging == "offset"
        self._location = [part[1] for part in Formatter().parse(options.location or "") if part[1]]
        self._compile(signature, body_limit, exports)
        stored = [(b"cache-control", options.cache.encode())] if self._caching is None else self._caching.headers
        self._headers: list[Header] = [_JSON, *stored, *((ACCEPT_QUERY,) if self._queried else ())]
        """What every success has."""

    def _success(self, values: tuple[str, ...]) -> list[Header]:
        if self._deprecated is None:
            return self._headers.copy()
        return [*self._headers, *self._deprecated.headers(dict(zip(self._names, values, strict=True)))]

    def _compile(self, signature: Signature, body_limit: int, exports: Exports | None) -> None:
        if signature.faults:
            raise ProgrammingError(signature.faults[0][1])
        hints = get_type_hints(self.endpoint, include_extras=True)
        answer = hints.pop("return", None) if signature.wire is None else result_of(self.endpoint)
        self._offered: tuple[str, ...] = (JSON,) if self.options.protocol is None and rendering.sends_json(answer) else ()
        self._encode, kind = rendering.encode, get_origin(answer)
        if kind is Page:
            self._encode = rendering.encode_page
        if kind in (Page, OffsetPage):
            answer = get_args(answer)[0]
        self._shown = rendering.field_names(answer)
        if (wire := self._wire) is not None:
            self._shown = {wire(name): name for name in self._shown}
            self._encode = lambda answer: rendering.encode(sent(answer, wire))
        self._names = tuple(signature.placeholders)
        self._path: dict[str, Callable[[str], Any]] = {name: adapter.validate_strings for name, adapter in signature.path.items()}
        self._resolvers: list[tuple[str, Callable[[Scope], Any]]] = [
            (name, _of_version(one, self.version).resolve) for name, one in signature.resolvers
        ]
        self._own_query = signature.whole_query
        self._queried = signature.whole_query and self.options.protocol is None
        for name, body in signature.bodies.items():
            self._body = name, self._read_by(body)
            if isinstance(body, type):
                self.endpoint = pointing_into_body(self.endpoint, body)
        if signature.composed:
            self._compose(signature, body_limit)
        if exports is not None and kind is Page and self._queried:
            self._export(exports, answer)

    def _export(self, exports: Exports, dto: Any) -> None:
        self._offered = OFFERED
        self._resolvers.append((SCOPE, lambda scope: scope))
        self.endpoint = ExportableList(
            endpoint=self.endpoint, exports=exports, path=self.template, dto=dto, shown=self._shown, wire=self._wire
        )

    def _compose(self, signature: Signature, body_limit: int) -> None:
        self._resolvers += [(slot, request_of) for slot in signature.requests]
        if signature.values:
            self._values = Values(signature.values, sparse=self.options.sparse, whole_query=signature.whole_query)
            self._resolvers.append((VALUES, self._values.resolve))
            self._own_query = True
        if signature.form:
            self._body = FORM, Form(signature.form, self._limit, body_limit).read
        self.endpoint = Composed(self.endpoint, signature.arguments, signature.steps)

    def _read_by(self, body: type[BaseModel] | BodyResolver) -> Callable[[Scope, Receive], Awaitable[Any]]:
        return self._json(body) if isinstance(body, type) else lambda scope, receive: body.read(scope, receive, self._limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, values: tuple[str, ...]) -> None:
        """Serve one request. Errors of the error tree become problems; others propagate to the outermost middleware."""
        exchange = http_exchange_of(scope)
        context, once = exchange.context, None
        try:
            self._admit(exchange, values)
            arguments = self._arguments(scope, values)
            sparse = self._sparse(scope["query_string"])
            if self._changes and exchange.idempotency_key is not None:
                once = keyed(scope, receive, accepted=self._accepts_key, version=self.version)
                receive = once.receive
                if self._values is not None:
                    once.include(self._values.sent_beside_query(scope))
            if self._body is not None:
                name, read = self._body
                arguments[name] = await read(scope, receive)
            if self._caching is not None:
                self._caching.begin()
            answer = (
                await self.endpoint(**arguments)
                if once is None
                else await once.execute(context, self.name, partial(self.endpoint, **arguments))
            )
            if isinstance(answer, StreamAnswer):
                await self._stream(scope, receive, send, replace(answer, headers=[*self._success(values)[1:], *answer.headers]))
                return
            common = self._headers.copy() if self._deprecated is None else self._success(values)
            status, headers, content = self._render(scope, answer, sparse, common)
            if isinstance(answer, ProtocolAnswer) and answer.error is not None:
                exchange.error = answer.error
                exchange.error.__traceback__ = None  # it leads back to the answer, which has the error
        except (ApiBaseError, HTTPException) as error:
            await self._refuse(scope, send, error, once)
            return
        if once is not None:
            headers += once.headers
        if len(content) >= MIN_BYTES and self.options.replayable and (accepted := exchange.accept_encoding) is not None:
            headers, content = await compressed(accepted, headers, content)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    def _admit(self, exchange: HttpExchange, values: tuple[str, ...]) -> None:
        if self._deprecated is not None:
            self._deprecated.check(dict(zip(self._names, values, strict=True)))
        if exchange.context.principal is None and self._authenticated:
            raise Unauthenticated("The operation requires authentication. Send an access token.")
        if self._offered and (accept := exchange.accept) is not None:
            chosen(accept, self._offered)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, answer: StreamAnswer) -> None:
        if answer.compressed:
            send = compressing(send, http_exchange_of(scope).accept_encoding, stored=False)
        await send_stream(scope, receive, send, answer)

    async def _refuse(self, scope: Scope, send: Send, error: ApiBaseError | HTTPException, once: Keyed | None) -> None:
        """Send the problem of `error`. Raises `error` itself if it has none, and `ConnectionAbortedError` behind the beginning of a response.

        `HTTPException` is how functions for FastAPI refuse.
        """
        if http_exchange_of(scope).started:
            raise ConnectionAbortedError(str(error)) from error
        problem = http_problem(error) if isinstance(error, HTTPException) else problem_of(error)
        if problem is None:
            raise error
        if isinstance(error, ApiBaseError):
            http_exchange_of(scope).error = error
        refused = self._challenged(error, problem.headers)
        await send_problem(scope, send, problem.with_headers(refused if once is None else [*refused, *once.headers]))

    def _challenged(self, error: Exception, headers: Sequence[Header]) -> Sequence[Header]:
        return [(BEARER[0], BEARER[1] + self.challenge)] if self.challenge and isinstance(error, Unauthenticated) else headers

    def _json(self, model: type[BaseModel]) -> Callable[[Scope, Receive], Awaitable[Any]]:
        media_types = bodies.PATCH if self.method == "PATCH" else bodies.JSON
        adapter = TypeAdapter(model)

        async def read(scope: Scope, receive: Receive) -> Any:
            return await bodies.validated(await bodies.read(scope, receive, self._limit, media_types), model, adapter)

        return read

    def _arguments(self, scope: Scope, values: tuple[str, ...]) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name, value in zip(self._names, values, strict=True):
            try:
                arguments[name] = self._path[name](value)
            except ValidationError as error:
                raise _in_path(error, name) from None
        for name, resolve in self._resolvers:
            arguments[name] = resolve(scope)
        return arguments

    def _sparse(self, query: bytes) -> tuple[str, ...] | None:
        if not query:
            return None
        if not self._own_query:
            rendering.refuse_parameters(query, sparse=self.options.sparse)
        return rendering.sparse_fields(query, self._shown) if self.options.sparse else None

    def _render(self, scope: Scope, answer: Any, sparse: tuple[str, ...] | None, headers: list[Header]) -> tuple[int, list[Header], bytes]:
        if answer is None:
            return 204, headers[1:], b""
        if isinstance(answer, ProtocolAnswer):
            if answer.content is None:
                return answer.status, [*headers[1:], *answer.headers], b""
            content = rendering.encode(answer.content)
            described = [(b"content-type", answer.media_type), (b"content-length", b"%d" % len(content))]
            return answer.status, [*headers[1:], *answer.headers, *described], content
        if self._caching is not None:
            headers += self._caching.outcome()
        if self.options.versioned:
            tag = self._tag % answer.version
            tag = tag if sparse is None else sparse_tag(tag, sparse)
            known = self._known(scope, tag)
            headers.append((b"etag", (known or tag).encode()))
            if known is not None:
                return 304, headers[1:], b""
        if self._linked:
            headers += self._links(scope, answer)
        content = self._encode(answer) if sparse is None else rendering.encode_sparse(answer, sparse, self._shown, self._wire)
        if self._caching is not None and not self.options.versioned:
            tag = content_tag(content, self.version)
            known = self._known(scope, tag)
            headers.append((b"etag", (known or tag).encode()))
            if known is not None:
                return 304, headers[1:], b""
        headers.append((b"content-length", b"%d" % len(content)))
        return self.status, headers, content

    def _links(self, scope: Scope, answer: Any) -> list[Header]:
        if self.options.location is None:
            return page_links(scope, answer)
        location = self.options.location.format_map({name: getattr(answer, name) for name in self._location})
        return [(b"location", (public_prefix.get() + location).encode())]

    def _known(self, scope: Scope, tag: str) -> str | None:
        """Return the tag under which the client has this response, as it says; None if it does not."""
        condition = header(scope, b"if-none-match") if self.method in _READS else None
        return None if condition is None else known_tag(condition, tag)


def _in_path(error: ValidationError, name: str) -> Invalid:
    invalid = invalid_of(error, "path")
    return Invalid.of(f"/path/{name}", invalid.violations[0].code, invalid.violations[0].message)


def _of_version(resolver: Resolver, version: int | None) -> Resolver:
    return replace(resolver, version=version) if isinstance(resolver, ListQuery) and version is not None else resolver

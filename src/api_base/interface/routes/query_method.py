"""QUERY [RFC 10008]: a list or a search whose parameters are in the content of the request, because they outgrow a URL.

The content is the query string that GET would have, or JSON with the same names: `{"price.amount": {"ge": "10"}, "status": {"in": ["draft"]},
"sort": ["-created_at"], "limit": 20}`. What is wrong with it is located in it. Parameters of the URL are added to those of the content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from api_base.core.errors import ApiBaseError, Invalid, Violation
from api_base.interface.errors.problem import pointer
from api_base.interface.listing import MAX_QUOTED_LENGTH, OF_CONTENT, quoted_member
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes import body as bodies
from api_base.interface.routes.exports import Exports
from api_base.interface.routes.idempotency import Keyed
from api_base.interface.routes.operation import ACCEPT_QUERY, Header, Operation
from api_base.interface.routes.parameters import QueryResolver, query_pairs
from api_base.interface.routes.router import RouteOptions
from api_base.interface.routes.signature import Signature

METHOD: Final = "QUERY"

JOINED: Final = frozenset({"sort", "fields", "index", "facets"})
"""Parameters that name several fields, separated by commas in a URL."""
_VALUES: Final = JOINED | {"cursor", "include_total", "limit", "offset", "q"}
"""Parameters that are values: every other one is a filter, of which `{}` is one without a condition."""
_CONTENT: Final = "api_base.query_content"


@dataclass(frozen=True, slots=True)
class _Content:
    """`query` is the query string that is the same as content and URL, `pointers` are those into the content, by what they are in a query."""

    query: bytes
    pointers: Mapping[str, str]

    @classmethod
    def of(cls, query: bytes, of_url: bytes, names: Mapping[str, tuple[str, ...]]) -> Self:
        """`query` is that of the content alone; `names` are where its parameters are."""
        pointers = {pointer("query", name[:MAX_QUOTED_LENGTH]): pointer("body", *at) for name, at in names.items()}
        return cls(b"&".join(part for part in (query, of_url) if part), {"/query": "/body", **pointers})

    def located(self, error: Invalid) -> Invalid:
        """Return the same violations, at the members of the content."""
        return Invalid([Violation(self.pointers.get(one.pointer, one.pointer), one.code, one.message) for one in error.violations])


class QueryOperation(Operation):
    """The operation of QUERY, beside that of GET with the same function."""

    def __init__(self, signature: Signature, options: RouteOptions, exports: Exports | None, version: int | None = None) -> None:
        super().__init__(signature, METHOD, 200, options, OF_CONTENT.query, exports, version)
        resolver = next(one for _, one in signature.resolvers if isinstance(one, QueryResolver))
        self._kinds = resolver.kinds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, values: tuple[str, ...]) -> None:
        """Serve one request as GET with the query string of its content."""
        if self.options.auth != "required" or http_exchange_of(scope).context.principal is not None:
            try:
                content = await _read(scope, receive, self._kinds)
            except ApiBaseError as error:
                await self._refuse(scope, send, error, None)
                return
            scope = {**scope, "query_string": content.query, _CONTENT: content}
        await super().__call__(scope, receive, send, values)

    async def _refuse(self, scope: Scope, send: Send, error: ApiBaseError | HTTPException, once: Keyed | None) -> None:
        content: _Content | None = scope.get(_CONTENT)
        if isinstance(error, Invalid) and content is not None:
            error = content.located(error)
        await super()._refuse(scope, send, error, once)

    def _challenged(self, error: Exception, headers: Sequence[Header]) -> Sequence[Header]:
        return [*super()._challenged(error, headers), ACCEPT_QUERY]


async def _read(scope: Scope, receive: Receive, kinds: Mapping[str, type[Any]]) -> _Content:
    """Raises `UnsupportedMediaType`, `BodyTooLarge`, `MalformedBody`, `Invalid`."""
    raw = await bodies.read(scope, receive, OF_CONTENT.query, bodies.QUERY)
    of_url: bytes = scope["query_string"]
    if bodies.media_type(scope) in bodies.FORM:
        try:
            given = query_pairs(raw, OF_CONTENT.parameters)
        except Invalid as error:
            raise _Content.of(raw, of_url, {}).located(error) from None
        return _Content.of(raw, of_url, {name: (name,) for name, _ in given})
    document = await bodies.document(raw)
    if not isinstance(document, dict):
        raise Invalid.of("/body", "type", "must be a JSON object")
    pairs = list(_pairs(document, kinds))
    found = urlencode([(name, value) for name, value, _ in pairs], quote_via=quote, errors="surrogatepass").encode()
    return _Content.of(found, of_url, {name: at for name, _, at in pairs})


def _pairs(document: Mapping[str, Any], kinds: Mapping[str, type[Any]]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the name and value of each parameter, and where it is. Raises `Invalid` with every value that a parameter cannot have."""
    violations: list[Violation] = []
    for name, value in document.items():
        members: list[tuple[str, Any, tuple[str, ...]]] = [(name, value, (name,))]
        if isinstance(value, dict) and (value or name not in _VALUES):
            members = [(f"{name}[{operator}]", operand, (name, operator)) for operator, operand in value.items()]
        for parameter, operand, where in members:
            kind = bool if where[1:] == ("is_null",) else kinds.get(name, str)
            try:
                yield parameter, _written(operand, kind, joined=name in JOINED, several=where[1:] == ("in",)), where
            except ValueError as error:
                violations.append(Violation(pointer("body", *where), "type", str(error)))
    if violations:
        raise Invalid(violations)


def _written(value: Any, kind: type[Any], *, joined: bool, several: bool) -> str:
    """Return a value as it is written in a URL. Raises `ValueError` for one of another type."""
    if joined and isinstance(value, list):
        return ",".join(_text(one, str) for one in value)
    if several:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        return ",".join(quoted_member(_text(one, kind)) for one in value)
    return _text(value, kind)


def _text(value: Any, kind: type[Any]) -> str:
    if kind is bool and isinstance(value, bool):
        return "true" if value else "false"
    if kind is int and isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
        return str(int(value))
    if kind not in (bool, int) and isinstance(value, str):
        return value
    raise ValueError(f"must be {_NAMES.get(kind, 'a text')}")


_NAMES: Final = {bool: "true or false", int: "a whole number"}

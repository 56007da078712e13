"""Parameters of routes in addition to path values and a body. For FastAPI's document each is a dependency; `Operation` resolves it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol, runtime_checkable
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Header, Request
from starlette.types import Receive, Scope

from api_base.application.common.listing import Fields, ListRequest
from api_base.core.errors import Invalid
from api_base.core.types import Language
from api_base.core.types.language import preferred
from api_base.interface.errors.http import PreconditionRequired
from api_base.interface.errors.problem import pointer
from api_base.interface.listing import OF_CONTENT, OF_URL, Sizes, list_request
from api_base.interface.routes.etags import expected_version


@runtime_checkable
class Resolver(Protocol):
    """Resolves a parameter from the scope of the request."""

    def resolve(self, scope: Scope) -> Any:
        """Return the value. Raises errors that have a problem, such as `Invalid`."""
        ...


@runtime_checkable
class BodyResolver(Protocol):
    """Resolves a parameter from the body of the request."""

    async def read(self, scope: Scope, receive: Receive, limit: int) -> Any:
        """Return the value of a body of at most `limit` bytes. Raises errors that have a problem, such as `BodyTooLarge`."""
        ...


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header, its lines joined [RFC 9110, section 5.3], or None. `name` is in lower case, as in ASGI."""
    found = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The version in If-Match; None for `*`. Raises `PreconditionRequired` if it is missing and `required`."""

    required: bool

    def resolve(self, scope: Scope) -> int | None:
        """Return the version. Raises `PreconditionRequired`, `BadRequest`."""
        value = header(scope, b"if-match")
        if value is None:
            if self.required:
                raise PreconditionRequired
            return None
        return expected_version(value)

    def __call__(
        self, if_match: Annotated[str | None, Header(description='ETag of the version read, such as "v1-json1", or *')] = None
    ) -> None:
        """For the documentation."""


ExpectedVersion = Annotated[int | None, Depends(IfMatch(required=True))]
"""The version of If-Match; a request without it is refused. None for `*`."""
OptionalVersion = Annotated[int | None, Depends(IfMatch(required=False))]
"""The version of If-Match, or None."""


@dataclass(frozen=True, slots=True)
class AcceptLanguage:
    """The language of e-mails that Accept-Language prefers."""

    def resolve(self, scope: Scope) -> Language:
        """Return the preferred language; English if the header names no supported one."""
        return preferred(header(scope, b"accept-language"))

    def __call__(
        self, accept_language: Annotated[str | None, Header(description="Language of the e-mails to this user: en or pt")] = None
    ) -> None:
        """For the documentation."""


PreferredLanguage = Annotated[Language, Depends(AcceptLanguage())]
"""The language of e-mails that Accept-Language prefers."""


@dataclass(frozen=True, slots=True)
class UserAgent:
    """The User-Agent of the client."""

    def resolve(self, scope: Scope) -> str:
        """Return the header without NUL, which PostgreSQL cannot store; empty without the header."""
        return (header(scope, b"user-agent") or "").replace("\0", "")

    def __call__(self) -> None:
        """Declare nothing: the documentation does not list the header."""


ClientProgram = Annotated[str, Depends(UserAgent())]
"""The User-Agent of the client."""


def query_pairs(query: bytes, most: int | None = None) -> list[tuple[str, str]]:
    """Return the names and values in a query string. Raises `Invalid` for bytes that are not UTF-8, and for more than `most` pairs."""
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=most)
    except UnicodeDecodeError:
        raise Invalid.of("/query", "encoding", "is not UTF-8: percent-encode the bytes of UTF-8") from None
    except ValueError:
        raise Invalid.of("/query", "too_many", f"has more than {most} parameters") from None


REPEATED: Final = "api_base.repeated_parameters"
"""The key of a request's scope under which parameters are that its route does not read, as pairs. References in its answer repeat them."""


def repeated_query(scope: Scope) -> str:
    """Return the query, with its question mark, of a reference that repeats those parameters; empty without any."""
    return f"?{urlencode(scope[REPEATED])}" if REPEATED in scope else ""


def renamed_filters(error: Invalid, name: Callable[[str], str]) -> Invalid:
    """Return what is wrong with filters, with the names that `name` returns for their fields."""
    return error.moved(lambda own: pointer("query", name(own.removeprefix("/query/"))))


class QueryResolver:
    """A resolver of the whole query string. It refuses unknown parameters."""

    def kinds(self) -> Mapping[str, type[Any]]:
        """Return the types that values have in JSON, by parameter: int, bool, or str, which is that of all others."""
        return {"limit": int}


@dataclass(frozen=True)
class ListQuery(QueryResolver):
    """The query string as a `ListRequest` on `fields`. Use as `Annotated[ListRequest, Depends(ListQuery(FIELDS))]`."""

    fields: Fields
    searchable: bool = False
    wire: Callable[[str], str] = str
    """Returns the name of a field or parameter that clients see: `Router(rename=…)` sets it."""
    version: int = 1
    """That of the API, whose cursors no other version accepts."""
    newest: Callable[[ListRequest], ListRequest] | None = None
    """Returns what a request on the fields of an older version asks for in the newest one."""

    def kinds(self) -> Mapping[str, type[Any]]:
        """Return the types of `QueryResolver.kinds`, with those of the fields: one that is parsed is text."""
        fields = {self.wire(one.name): one.kind if one.parse is None else str for one in self.fields}
        return {**fields, "limit": int, "offset": int, self.wire("include_total"): bool}

    def resolve(self, scope: Scope) -> ListRequest:
        """Return the validated request. Raises `Invalid` with every parameter that is not declared or not valid."""
        return self._requested(scope, by_offset=False)

    def _requested(self, scope: Scope, *, by_offset: bool) -> ListRequest:
        request = list_request(
            scope["query_string"],
            self.fields,
            searchable=self.searchable,
            by_offset=by_offset,
            wire=self.wire,
            sizes=_sizes(scope),
            version=self.version,
        )
        try:
            return request if self.newest is None else self.newest(request)
        except Invalid as error:
            raise renamed_filters(error, self.wire) from None

    def __call__(self, request: Request) -> ListRequest:
        return self.resolve(request.scope)


class OffsetQuery(ListQuery):
    """The query string as a `ListRequest` on `fields`, with an `offset` in place of a cursor, for a route of `RouteOptions(paging="offset")`."""

    def resolve(self, scope: Scope) -> ListRequest:
        """Return the validated request. Raises `Invalid` as `ListQuery` does, and for a page that ends beyond row 10,000."""
        return self._requested(scope, by_offset=True)


def _sizes(scope: Scope) -> Sizes:
    return OF_CONTENT if scope["method"] == "QUERY" else OF_URL

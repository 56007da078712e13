"""Parameters that our routes know beside path values and a body. Each is a dependency for FastAPI's documentation, and resolved by us."""

from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from fastapi import Depends, Header, Request
from starlette.types import Scope

from api_base.application.common.listing import Fields, ListRequest
from api_base.core.types import Language, preferred
from api_base.interface.errors.http import PreconditionRequired
from api_base.interface.listing import list_request
from api_base.interface.routes.etags import expected_version


@runtime_checkable
class Resolver(Protocol):
    """`resolve` makes the parameter's value of the request's scope."""

    def resolve(self, scope: Scope) -> Any:
        """The value. Raises errors that have a problem, such as `Invalid`."""
        ...


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header, or None. `name` is in lower case, as ASGI has it."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The version in If-Match; None for `*`. Raises `PreconditionRequired` where it is missing and `required`."""

    required: bool

    def resolve(self, scope: Scope) -> int | None:
        """The version. Raises `PreconditionRequired`, `BadRequest`."""
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
OptionalVersion = Annotated[int | None, Depends(IfMatch(required=False))]


@dataclass(frozen=True, slots=True)
class AcceptLanguage:
    """The language of letters that Accept-Language prefers."""

    def resolve(self, scope: Scope) -> Language:
        """English where the header names none of ours."""
        return preferred(header(scope, b"accept-language"))

    def __call__(
        self, accept_language: Annotated[str | None, Header(description="Language of the letters that follow: en or pt")] = None
    ) -> None:
        """For the documentation."""


PreferredLanguage = Annotated[Language, Depends(AcceptLanguage())]


@dataclass(frozen=True, slots=True)
class UserAgent:
    """What the client says it is."""

    def resolve(self, scope: Scope) -> str:
        """Empty where it says nothing; NUL cannot be stored."""
        return (header(scope, b"user-agent") or "").replace("\0", "")

    def __call__(self) -> None:
        """For the documentation, which needs no word of it."""


ClientProgram = Annotated[str, Depends(UserAgent())]


class QueryResolver:
    """A resolver that answers for the whole query string: what it does not know it refuses."""


@dataclass(frozen=True)
class ListQuery(QueryResolver):
    """The query string as a `ListRequest` on `fields`. Use as `Annotated[ListRequest, Depends(ListQuery(FIELDS))]`."""

    fields: Fields
    searchable: bool = False

    def resolve(self, scope: Scope) -> ListRequest:
        """What is asked of the list. Raises `Invalid` with everything that is not declared or not acceptable."""
        return list_request(scope["query_string"], self.fields, searchable=self.searchable)

    def __call__(self, request: Request) -> ListRequest:
        return self.resolve(request.scope)

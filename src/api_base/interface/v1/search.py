"""/api/v1/search: everything that the caller may read, by text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query
from starlette.types import Scope

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import MAX_CURSOR_LENGTH
from api_base.application.search.dtos import SearchPageDTO
from api_base.application.search.search import Search
from api_base.core.errors import Invalid, Violation
from api_base.core.protocols.search import MAX_HITS
from api_base.domain.common.text import UNSTORABLE
from api_base.interface.errors.problem import pointer
from api_base.interface.listing import MAX_VALUE_LENGTH
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.parameters import QueryResolver, query_pairs

NAMES: Final = 10
"""Indexes, or facets, of one search."""
DEFAULT_HITS: Final = 20
_PARAMETERS: Final = ("q", "index", "facets", "limit", "cursor")
_PAIRS: Final = 20


def search_of(given: Mapping[str, str], indexes: Sequence[str], facets: Sequence[str]) -> Search:
    """Return the search of `q`, `limit` and `cursor` in `given`. Raises `Invalid` with every violation."""
    violations: list[Violation] = []
    for name, value in given.items():
        most = MAX_CURSOR_LENGTH if name == "cursor" else MAX_VALUE_LENGTH
        if len(value) > most:
            violations.append(Violation(pointer("query", name), "too_long", f"is longer than {most} characters"))
        elif UNSTORABLE.search(value):
            violations.append(Violation(pointer("query", name), "nul", "must not contain the character NUL"))
    q, limit = given.get("q", ""), given.get("limit", str(DEFAULT_HITS))
    if not q.strip():
        violations.append(Violation("/query/q", "blank", "is required, and must not be blank"))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= MAX_HITS):
        violations.append(Violation("/query/limit", "range", f"must be a whole number from 1 to {MAX_HITS}"))
    lists = {"index": tuple(dict.fromkeys(indexes)), "facets": tuple(dict.fromkeys(facets))}
    for name, names in lists.items():
        if len(names) > NAMES:
            violations.append(Violation(pointer("query", name), "too_many", f"has {len(names)} names; at most {NAMES} are allowed"))
    if violations:
        raise Invalid(violations)
    return Search(q=q, indexes=lists["index"], facets=lists["facets"], size=int(limit), cursor=given.get("cursor"))


@dataclass(frozen=True, slots=True)
class SearchQuery(QueryResolver):
    """The query string as a `Search`."""

    def resolve(self, scope: Scope) -> Search:
        """Return the validated search. Raises `Invalid` with every violation."""
        given, violations = _given(scope["query_string"])
        if violations:
            raise Invalid(violations)
        named = {name: given[name].split(",") if given.get(name) else () for name in ("index", "facets")}
        return search_of(given, named["index"], named["facets"])

    def __call__(
        self,
        q: Annotated[str, Query(description="The text to search for; words in double quotes are a phrase.", max_length=MAX_VALUE_LENGTH)],
        index: Annotated[
            str | None,
            Query(description="Indexes, separated by commas. Default: all that you may read.", max_length=MAX_VALUE_LENGTH),
        ] = None,
        facets: Annotated[
            str | None, Query(description="Fields whose values are counted, separated by commas.", max_length=MAX_VALUE_LENGTH)
        ] = None,
        limit: Annotated[int, Query(description="Hits of the page.", ge=1, le=MAX_HITS)] = DEFAULT_HITS,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the previous page.", max_length=MAX_CURSOR_LENGTH)] = None,
    ) -> None:
        """For the documentation."""


def _given(query: bytes) -> tuple[dict[str, str], list[Violation]]:
    """Return the parameters by name, and what is wrong with them."""
    given: dict[str, str] = {}
    violations: list[Violation] = []
    for name, value in query_pairs(query, _PAIRS):
        at = pointer("query", name[:100])
        if name not in _PARAMETERS:
            violations.append(Violation(at, "unknown_parameter", f"is unknown: use {', '.join(_PARAMETERS)}"))
        elif name in given:
            violations.append(Violation(at, "repeated", "must not be repeated"))
        else:
            given[name] = value
    return given, violations


def routes(bus: Bus) -> Router:
    router = Router(prefix="/search", tags=["search"])

    @router.get("", RouteOptions(example={"query": "q=chair&facets=category&limit=2"}), summary="Search everything that you may read")
    async def search(query: Annotated[Search, Depends(SearchQuery())]) -> SearchPageDTO:
        return await bus.execute(query)

    return router

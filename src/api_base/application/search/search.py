"""Search the indexes that the caller may read."""

from collections.abc import Sequence
from dataclasses import dataclass

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.application.common.search import SearchIndexes
from api_base.application.search.dtos import FacetDTO, FacetValueDTO, FoundDTO, SearchPageDTO, TotalDTO
from api_base.core.errors import Forbidden, Invalid, Unauthenticated
from api_base.core.protocols import Facet, PermissionChecker, Relation, SearchIndex, SearchRequest, SearchResults, SearchTotal
from api_base.core.types import Principal, current_context, request_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Query[SearchPageDTO]):
    """`indexes` are those that the caller names; by default all that it may read. `facets` names fields of these indexes."""

    permission = AUTHENTICATED
    q: str
    indexes: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    size: int = 20
    cursor: str | None = None


class SearchHandler:
    def __init__(self, engine: SearchIndex, indexes: SearchIndexes, checker: PermissionChecker) -> None:
        self._engine, self._indexes, self._checker = engine, indexes, checker

    async def handle(self, query: Search) -> SearchPageDTO:
        """A page of hits, without any if no context has an index. Raises `Forbidden` if the caller may read none of the indexes, `Invalid` for an
        unknown index, facet or cursor."""
        tenant, readable = request_tenant(), self._readable()
        if not readable and self._indexes.definitions:
            raise Forbidden("You may read no search index.")
        indexes = query.indexes or readable
        if unknown := [name for name in indexes if name not in readable]:
            raise Invalid.of("/query/index", "unknown", f"names the index {unknown[0]!r}, which does not exist for you; {_known(readable)}")
        known = sorted({name for index in indexes for name in self._indexes.definition(index).facets})
        if missing := [name for name in query.facets if name not in known]:
            raise Invalid.of(
                "/query/facets", "unknown", f"names the facet {missing[0]!r}, which these indexes do not have; {_known(known)}"
            )
        request = SearchRequest(indexes=tuple(indexes), q=query.q, facets=query.facets, size=query.size, cursor=query.cursor)
        found = (
            await self._engine.search(request, tenant)
            if indexes
            else SearchResults(hits=(), total=SearchTotal(value=0, relation=Relation.EQ))
        )
        return SearchPageDTO(
            items=[
                FoundDTO(hit.index, hit.id, hit.title, {name: list(parts) for name, parts in hit.highlights.items()}) for hit in found.hits
            ],
            next_cursor=found.next_cursor,
            total=_total(found.total),
            facets={name: _facet(facet) for name, facet in found.facets.items()},
            suggestions=list(found.suggestions),
        )

    def _readable(self) -> tuple[str, ...]:
        principal = current_context.get().principal
        return tuple(name for name, definition in self._indexes.definitions.items() if self._allowed(principal, definition.permission))

    def _allowed(self, principal: Principal | None, permission: str) -> bool:
        try:
            self._checker.check(principal, permission)
        except (Forbidden, Unauthenticated):
            return False
        return True


def _known(names: Sequence[str]) -> str:
    return f"known: {', '.join(names) or 'none'}"


def _total(total: SearchTotal) -> TotalDTO:
    return TotalDTO(total.value, total.relation.value)


def _facet(facet: Facet) -> FacetDTO:
    return FacetDTO([FacetValueDTO(one.value, one.count) for one in facet.values], facet.approximate)

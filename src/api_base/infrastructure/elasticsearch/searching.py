"""Searches: the request of the port as a query with the tenant's filter, and the answer of the server as results."""

import asyncio
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from api_base.application.common.search import (
    MARK_END,
    MARK_START,
    QueryText,
    SearchIndexes,
    encode_cursor,
    folded,
    marked,
    query_text,
    words_of,
)
from api_base.core.errors import Unavailable
from api_base.core.protocols import (
    Facet,
    FacetValue,
    FieldKind,
    Generation,
    Relation,
    SearchDefinition,
    SearchHit,
    SearchRequest,
    SearchResults,
    SearchTotal,
)
from api_base.infrastructure.elasticsearch import query as q
from api_base.infrastructure.elasticsearch import ranking
from api_base.infrastructure.elasticsearch.client import MESSAGE, RequestRefused, SearchClient
from api_base.infrastructure.elasticsearch.cursor import place_after
from api_base.infrastructure.elasticsearch.generations import Generations
from api_base.infrastructure.elasticsearch.mapping import LENGTH, WORDS
from api_base.infrastructure.elasticsearch.query import Query
from api_base.infrastructure.elasticsearch.specification import VALUES, translate

FACET_VALUES: Final = 20
"""Values of a facet."""
SUGGESTIONS: Final = 5
SORT: Final[Sequence[tuple[str, q.Direction]]] = (("_score", "desc"), (LENGTH, "asc"), ("index", "asc"), ("id", "asc"))
START, END = f"\u2060{MARK_START}", f"{MARK_END}\u2060"
"""The marks as the server gets them: it trims control characters at the ends of a fragment, but not what stands outside of them here."""
NO_RESULTS: Final = SearchResults(hits=(), total=SearchTotal(value=0, relation=Relation.EQ))


class Searching:
    """`candidates` is the number of hits up to which the total is exact."""

    def __init__(self, client: SearchClient, indexes: SearchIndexes, generations: Generations, candidates: int) -> None:
        self._client, self._indexes, self._generations, self._candidates = client, indexes, generations, candidates

    async def search(self, request: SearchRequest, tenant: UUID) -> SearchResults:
        definitions = [self._indexes.definition(name) for name in request.indexes]
        text, after = query_text(request.q), place_after(request, tenant)
        if not definitions or (request.q and not text.all_words):
            return replace(NO_RESULTS, facets={name: Facet(values=(), approximate=False) for name in request.facets})
        search = q.Search(
            query=self._readable(tenant, [_found(one, text, request.filter) for one in definitions]),
            size=request.size + 1,
            sort=SORT,
            after=after,
            fields=("index", "id", "title"),
            facets=_facets(definitions, request.facets),
            facet_size=FACET_VALUES,
            highlight=_highlight(definitions, text) if request.highlight and text.all_words else None,
            count_up_to=self._candidates,
        )
        first = request.cursor is None
        answer, suggestions = await asyncio.gather(
            self._ask(definitions, search, tenant), self._suggestions(definitions, text if first else query_text(""), tenant)
        )
        hits = answer["hits"]["hits"]
        more = len(hits) > request.size
        hits = hits[: request.size]
        total = SearchTotal(value=answer["hits"]["total"]["value"], relation=Relation(answer["hits"]["total"]["relation"]))
        counted = answer.get("aggregations", {}).get(q.BEST, {})
        return SearchResults(
            hits=[_hit(hit) for hit in hits],
            total=total,
            facets={name: _facet(name, definitions, counted.get(name, {}).get("buckets", ()), total) for name in request.facets},
            suggestions=suggestions,
            next_cursor=encode_cursor(request, tenant, hits[-1]["sort"]) if more else None,
        )

    def _readable(self, tenant: UUID, found: Sequence[Query]) -> Query:
        """The query of every search: documents of the tenant that are not deleted."""
        return q.boolean(
            must=[q.boolean(should=found, minimum_should_match=1)], filter=[q.term("tenant", str(tenant)), q.term("deleted", False)]
        )

    async def _ask(self, definitions: Sequence[SearchDefinition], search: q.Search, tenant: UUID) -> Any:
        aliases = ",".join(self._generations.alias(one.name, Generation.LIVE) for one in definitions)
        try:
            answer = await self._client.search(
                f"/{aliases}/_search",
                search.body,
                routing=str(tenant),
                allow_partial_search_results="false",
                ignore_unavailable="true",
            )
        except RequestRefused as error:
            if error.kind == "too_many_nested_clauses":
                raise Unavailable(MESSAGE, reason=error) from error
            raise
        if answer["timed_out"]:
            raise Unavailable(MESSAGE, reason="the search took too long")
        return answer

    async def _suggestions(self, definitions: Sequence[SearchDefinition], text: QueryText, tenant: UUID) -> Sequence[str]:
        """Titles of the tenant's documents. The server's own suggesters read the words of all tenants."""
        if not text.all_words:
            return ()
        found = [q.boolean(must=[ranking.suggested(one, text)], filter=[q.term("index", one.name)]) for one in definitions]
        search = q.Search(query=self._readable(tenant, found), size=SUGGESTIONS + 1, sort=SORT, fields=("title",))
        answer = await self._ask(definitions, search, tenant)
        titles = dict.fromkeys(hit["_source"]["title"] for hit in answer["hits"]["hits"])
        return [title for title in titles if " ".join(words_of(folded(title))) != text.text][:SUGGESTIONS]


def _found(definition: SearchDefinition, text: QueryText, criterion: Any) -> Query:
    """What one index finds: the words, and the filter."""
    must = [ranking.ranked(definition, text)] if text.all_words else [q.EVERYTHING]
    filters = [q.term("index", definition.name)]
    if criterion is not None:
        filters.append(translate(criterion, {field.name: field for field in definition.fields}))
    return q.boolean(must=must, filter=filters)


def _facets(definitions: Sequence[SearchDefinition], names: Sequence[str]) -> Mapping[str, str]:
    return {name: f"{VALUES}.{name}" for name in names if any(name in one.facets for one in definitions)}


def _facet(name: str, definitions: Sequence[SearchDefinition], buckets: Sequence[Mapping[str, Any]], total: SearchTotal) -> Facet:
    boolean = any((field := one.field(name)) is not None and field.kind is FieldKind.BOOLEAN for one in definitions)
    values = [
        FacetValue(value=("false", "true")[bucket["key"]] if boolean else bucket["key"], count=bucket["doc_count"]) for bucket in buckets
    ]
    return Facet(values=values, approximate=total.relation is Relation.GE)


def _highlight(definitions: Sequence[SearchDefinition], text: QueryText) -> q.Highlight:
    fields = dict.fromkeys(f"{WORDS}.{field.name}" for one in definitions for field in one.fields if field.has_words)
    query = q.boolean(should=[ranking.highlighted(one, text) for one in definitions], minimum_should_match=1)
    return q.Highlight(fields=list(fields), query=query, start=START, end=END)


def _hit(hit: Mapping[str, Any]) -> SearchHit:
    source = hit["_source"]
    highlights = {
        name.removeprefix(f"{WORDS}."): [_fragment(fragment) for fragment in fragments]
        for name, fragments in hit.get("highlight", {}).items()
    }
    score = hit["_score"] if hit.get("_score") is not None else hit["sort"][0]
    return SearchHit(index=source["index"], id=UUID(source["id"]), title=source["title"], score=score, highlights=highlights)


def _fragment(fragment: str) -> str:
    return marked(unicodedata.normalize("NFC", fragment.replace(START, MARK_START).replace(END, MARK_END)))

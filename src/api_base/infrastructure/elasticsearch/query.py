"""Build searches of Elasticsearch and OpenSearch from typed parts [elastic.co/docs/reference/query-languages/querydsl].

A query is built by these functions only, from values; no text of a client becomes part of the query language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

type Value = str | int | bool
type Direction = Literal["asc", "desc"]

FUZZINESS: Final = "AUTO:3,6"
"""Words of 3 letters may differ by one edit (a swap of neighbours is one), words of 6 by two."""
BEST: Final = "best"
"""The name of the hits whose facets are counted."""
EXPANSIONS: Final = 100
"""Different words that one fuzzy word may stand for."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query: a condition with a score. `body` is its JSON."""

    body: Mapping[str, Any]


EVERYTHING: Final = Query({"match_all": {}})
NOTHING: Final = Query({"match_none": {}})


def boolean(
    *,
    must: Sequence[Query] = (),
    should: Sequence[Query] = (),
    filter: Sequence[Query] = (),
    must_not: Sequence[Query] = (),
    minimum_should_match: int | None = None,
) -> Query:
    """All of `must` and `filter`, none of `must_not`. Only `must` and `should` count for the score.

    Without `minimum_should_match`, one of `should` has to match if there is neither `must` nor `filter`.
    """
    clauses = {"must": must, "should": should, "filter": filter, "must_not": must_not}
    body: dict[str, Any] = {name: [query.body for query in queries] for name, queries in clauses.items() if queries}
    if minimum_should_match is not None:
        body["minimum_should_match"] = minimum_should_match
    return Query({"bool": body})


def best_of(queries: Sequence[Query], tie_breaker: float = 0.0) -> Query:
    """Any of the queries: the score is that of the best one, and `tie_breaker` times those of the others."""
    return Query({"dis_max": {"queries": [query.body for query in queries], "tie_breaker": tie_breaker}})


def constant(query: Query, boost: float) -> Query:
    """The same condition, with the score `boost`."""
    return Query({"constant_score": {"filter": query.body, "boost": boost}})


def term(field: str, value: Value) -> Query:
    """Exactly this value."""
    return Query({"term": {field: {"value": value}}})


def terms(field: str, values: Sequence[Value]) -> Query:
    """One of the values."""
    return Query({"terms": {field: list(values)}})


def between(field: str, *, gt: Value | None = None, ge: Value | None = None, lt: Value | None = None, le: Value | None = None) -> Query:
    """A range of values; the limits that are None do not apply."""
    limits = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
    return Query({"range": {field: {name: value for name, value in limits.items() if value is not None}}})


def starts_with(field: str, text: str) -> Query:
    """A keyword, or a word of a text, that begins with `text`."""
    return Query({"prefix": {field: {"value": text}}})


def contains(field: str, text: str) -> Query:
    """A keyword that contains `text`, literally."""
    escaped = "".join(f"\\{character}" if character in "\\*?" else character for character in text)
    return Query({"wildcard": {field: {"value": f"*{escaped}*"}}})


def match(field: str, text: str, *, boost: float = 1.0, fuzzy: bool = False) -> Query:
    """All words of `text`, in any order; `fuzzy` ones may differ by typing errors."""
    return Query({"match": {field: {"query": text, "operator": "and", "boost": boost, **_fuzziness(fuzzy)}}})


def multi_match(
    text: str, fields: Mapping[str, float], *, kind: Literal["best_fields", "cross_fields"] = "best_fields", fuzzy: bool = False
) -> Query:
    """All words of `text` in one of the fields, each with its boost; with `cross_fields`, in all fields together, which cannot be fuzzy."""
    boosted = [f"{field}^{boost}" for field, boost in fields.items()]
    return Query({"multi_match": {"query": text, "fields": boosted, "type": kind, "operator": "and", **_fuzziness(fuzzy)}})


def phrase(field: str, text: str) -> Query:
    """The words of `text` in this order, with nothing between them."""
    return Query({"match_phrase": {field: {"query": text}}})


def nested(path: str, query: Query) -> Query:
    """An element of the list `path` that satisfies `query` by itself. The fields of `query` begin with `path`."""
    return Query({"nested": {"path": path, "query": query.body}})


def _fuzziness(fuzzy: bool) -> Mapping[str, Any]:
    return {"fuzziness": FUZZINESS, "max_expansions": EXPANSIONS} if fuzzy else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """Fragments of `fields` with the words that `query` finds between `start` and `end`."""

    fields: Sequence[str]
    query: Query
    start: str
    end: str
    fragments: int = 3
    fragment_length: int = 150

    @property
    def body(self) -> Mapping[str, Any]:
        return {
            "fields": {field: {} for field in self.fields},
            "highlight_query": self.query.body,
            "pre_tags": [self.start],
            "post_tags": [self.end],
            "number_of_fragments": self.fragments,
            "fragment_size": self.fragment_length,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PointInTime:
    """What an index holds at one moment, for several pages of `search_after`. `id` comes from the server."""

    id: str
    keep_alive: str = "1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A page of a search. `sort` pairs fields with directions; `after` are the sort values of the last hit of the previous page.

    `facets` counts the `facet_size` most frequent values of fields among the best `count_up_to` hits, up to which the total is exact, too.
    """

    query: Query
    size: int
    sort: Sequence[tuple[str, Direction]] = ()
    after: Sequence[Value | float] = ()
    fields: Sequence[str] = ()
    facets: Mapping[str, str] | None = None
    facet_size: int = 10
    highlight: Highlight | None = None
    count_up_to: int = 1000
    at: PointInTime | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON of the request. It answers with all shards, or not at all."""
        body: dict[str, Any] = {
            "query": self.query.body,
            "size": self.size,
            "_source": list(self.fields) or False,
            "track_total_hits": self.count_up_to,
        }
        if self.sort:
            body["sort"] = [{field: {"order": direction}} for field, direction in self.sort]
        if self.after:
            body["search_after"] = list(self.after)
        if self.facets:
            counted = {name: {"terms": {"field": field, "size": self.facet_size}} for name, field in self.facets.items()}
            body["aggs"] = {BEST: {"sampler": {"shard_size": self.count_up_to}, "aggs": counted}}
        if self.highlight is not None:
            body["highlight"] = self.highlight.body
        if self.at is not None:
            body["pit"] = {"id": self.at.id, "keep_alive": self.at.keep_alive}
        return body

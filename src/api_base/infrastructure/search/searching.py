"""A search in PostgreSQL: candidates by the function `search_in_documents`, the filter over them, then counts, facets and a page in one statement."""

import json
from collections.abc import Hashable, Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.search import MARK_END, MARK_START, SearchIndexes, decode_cursor, encode_cursor, marked
from api_base.core.protocols import (
    Facet,
    FacetValue,
    FieldKind,
    Relation,
    SearchField,
    SearchHit,
    SearchRequest,
    SearchResults,
    SearchTotal,
)
from api_base.domain.common.specification import Specification
from api_base.infrastructure.db.query_builder import Translation, translate
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import OWNER, Statement, owned
from api_base.infrastructure.search.tables import SEARCH_DOCUMENTS as DOCUMENTS
from api_base.infrastructure.search.tables import SEARCH_GENERATIONS as GENERATIONS

FACET_VALUES: Final = 20
SUGGESTIONS: Final = 3
SCALE: Final = 1_000_000
"""A score is stored as a whole number, so that a cursor compares it exactly."""
MAX_STATEMENTS: Final = 256
HEADLINE_CHARACTERS: Final = 10_000
"""Of a text, in which found words are looked for."""
WHOLE_CHARACTERS: Final = 200
"""Of a text that a highlight shows whole. Of a longer one it shows two fragments."""

_BRACKETS: Final = {"\ue000": "<", "\ue001": ">"}
"""Private characters that stand for brackets, which PostgreSQL would take for markup and drop."""
_MARKS: Final = f"StartSel={MARK_START},StopSel={MARK_END}"
_BETWEEN: Final = "\x04"
_HITS: Final = f"""(select jsonb_agg(jsonb_build_array(h.index_name, h.id, h.title, h.score, (
    select jsonb_object_agg(f.name, f.headline) from (
        select name, ts_headline('public.search_folded',
            translate(normalize(left(h.document ->> name, {HEADLINE_CHARACTERS}), NFC), '<>{MARK_START}{MARK_END}{_BETWEEN}', '{"".join(_BRACKETS)}'), h.terms,
            case when length(h.document ->> name) <= {WHOLE_CHARACTERS} then :whole else :fragments end) headline
        from unnest(cast(:texts as text[])) name where jsonb_typeof(h.document -> name) = 'string') f
    where position('{MARK_START}' in f.headline) > 0)) order by h.score desc, h.id desc)
from (select * from kept where (score, id) < (cast(:after_score as bigint), cast(:after_id as uuid)) order by score desc, id desc limit cast(:rows as integer)) h)"""
_FACETS: Final = f"""(select jsonb_agg(jsonb_build_array(c.name, c.value, c.n) order by c.name, c.n desc, c.value) from (
    select f.name, v.value, count(*) n, row_number() over (partition by f.name order by count(*) desc, v.value collate "C") r
    from kept k cross join unnest(cast(:facets as text[])) f (name) cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(k.document -> f.name) when 'array' then k.document -> f.name when 'null' then '[]'
        else coalesce(jsonb_build_array(k.document -> f.name), '[]') end) v (value)
    where k.document ? f.name group by f.name, v.value) c where c.r <= {FACET_VALUES})"""
_SUGGESTED: Final = f"""(select jsonb_agg(s.title order by s.score desc, s.title) from (
    select title, max(score) score from kept where near group by title order by 2 desc, 1 limit {SUGGESTIONS}) s)"""
_RESTORED: Final = str.maketrans(_BRACKETS)
_FIRST: Final = (2**62, UUID(int=2**128 - 1))


class Searching:
    """Builds one statement for each shape of a filter, and at most `MAX_STATEMENTS` of them."""

    def __init__(self, database: Database, indexes: SearchIndexes, candidates: int) -> None:
        self._database, self._indexes, self._candidates = database, indexes, candidates
        self._statements: dict[Hashable, Statement] = {}

    async def search(self, request: SearchRequest, tenant: UUID) -> SearchResults:
        """Return a page. Raises `Invalid` for a cursor of another search, `UnknownField` and `IncomparableValue` for an impossible filter."""
        score, id = decode_cursor(request, tenant, _place) or _FIRST
        definitions = [self._indexes.definition(name) for name in request.indexes]
        texts = {one.name for definition in definitions for one in definition.fields if one.kind is FieldKind.TEXT}
        filtered = self._filter(request)
        values: dict[str, Any] = {
            "indexes": list(request.indexes),
            "facets": list(request.facets),
            "whole": f"{_MARKS},HighlightAll=true",
            "fragments": f"{_MARKS},MaxFragments=2,MinWords=8,MaxWords=20,FragmentDelimiter={_BETWEEN}",
            "texts": sorted(texts) if request.highlight and request.q else [],
            "after_score": score,
            "after_id": id,
            "rows": request.size + 1,
            "candidates": self._candidates,
        }
        if request.q:
            values["q"] = request.q
        if filtered is not None:
            values |= filtered.values
        row = await self._database.fetchrow(self._statement(request, filtered), tenant, **values)
        assert row is not None  # a select without FROM has one row
        return self._results(request, tenant, row)

    def _results(self, request: SearchRequest, tenant: UUID, row: Mapping[str, Any]) -> SearchResults:
        hits = json.loads(row["hits"] or "[]")
        cut = bool(row["cut"])
        facets: dict[str, list[FacetValue]] = {name: [] for name in request.facets}
        for name, value, count in json.loads(row["facets"] or "[]"):
            facets[name].append(FacetValue(value=value, count=count))
        more, hits = len(hits) > request.size, hits[: request.size]
        return SearchResults(
            hits=[_hit(*hit) for hit in hits],
            total=SearchTotal(value=row["total"], relation=Relation.GE if cut else Relation.EQ),
            facets={name: Facet(values=values, approximate=cut) for name, values in facets.items()},
            suggestions=json.loads(row["suggested"] or "[]") if request.cursor is None else (),
            next_cursor=encode_cursor(request, tenant, (hits[-1][3], hits[-1][1])) if more else None,
        )

    def _filter(self, request: SearchRequest) -> Translation | None:
        if request.filter is None:
            return None
        assert isinstance(request.filter, Specification)  # the only criteria that are written
        columns: dict[str, sa.ColumnElement[Any]] = {}
        for name in request.indexes:
            columns |= {field.name: _column(field) for field in self._indexes.definition(name).fields}
        return translate(request.filter, columns)

    def _statement(self, request: SearchRequest, filtered: Translation | None) -> Statement:
        asked = bool(request.q)
        shape = asked, None if filtered is None else (request.indexes, filtered.shape)  # fields of one name differ in kind between indexes
        found = self._statements.get(shape)
        if found is None:
            if len(self._statements) >= MAX_STATEMENTS:
                self._statements.pop(next(iter(self._statements)))
            found = self._statements[shape] = Statement(_select(asked, filtered))
        return found


def _select(asked: bool, filtered: Translation | None) -> sa.Select[Any]:
    live = sa.and_(GENERATIONS.c.index_name == sa.any_(sa.bindparam("indexes", type_=ARRAY(sa.Text))), GENERATIONS.c.state == "live")
    candidates = sa.bindparam("candidates", type_=sa.Integer)
    here = sa.and_(owned(DOCUMENTS), DOCUMENTS.c.generation == GENERATIONS.c.id, DOCUMENTS.c.document.is_not(None))
    if asked:
        source = sa.func.search_in_documents(OWNER, GENERATIONS.c.id, sa.bindparam("q", type_=sa.Text), candidates)
        ranked = (
            source.table_valued(
                sa.column("id", sa.Uuid), sa.column("score", sa.BigInteger), sa.column("terms"), sa.column("cut"), sa.column("near")
            )
            .render_derived()
            .lateral("ranked")
        )
        found = (
            sa.select(GENERATIONS.c.id.label("generation"), GENERATIONS.c.index_name, *ranked.c)
            .select_from(GENERATIONS.join(ranked, sa.true()))
            .where(live)
            .cte("found")
        )
    else:
        every = (
            sa.select(DOCUMENTS.c.id).where(here).order_by(DOCUMENTS.c.id.desc()).limit(candidates).correlate(GENERATIONS).lateral("every")
        )
        found = (
            sa.select(
                GENERATIONS.c.id.label("generation"),
                GENERATIONS.c.index_name,
                every.c.id,
                sa.literal_column("0::bigint").label("score"),
                sa.literal_column("null::tsquery").label("terms"),
                (sa.func.count().over(partition_by=GENERATIONS.c.id) >= candidates).label("cut"),
                sa.false().label("near"),
            )
            .select_from(GENERATIONS.join(every, sa.true()))
            .where(live)
            .cte("found")
        )
    document = (
        sa.select(DOCUMENTS.c.title, DOCUMENTS.c.document)
        .where(
            owned(DOCUMENTS), DOCUMENTS.c.generation == found.c.generation, DOCUMENTS.c.id == found.c.id, DOCUMENTS.c.document.is_not(None)
        )
        .where(sa.true() if filtered is None else filtered.clause())
        .correlate(found)
        .offset(sa.literal_column("0"))  # one look-up for each candidate: the planner does not know that they are few
        .lateral("document_of")
    )
    kept = sa.select(found, document.c.title, document.c.document).select_from(found.join(document, sa.true())).cte("kept")
    return sa.select(
        sa.select(sa.func.count()).select_from(kept).scalar_subquery().label("total"),
        sa.select(sa.func.bool_or(found.c.cut)).scalar_subquery().label("cut"),
        _text(_FACETS).label("facets"),
        _text(_HITS).label("hits"),
        _text(_SUGGESTED).label("suggested"),
    )


def _text(sql: str) -> sa.ColumnElement[str]:
    return sa.type_coerce(sa.text(sql), sa.Text)


def _column(field: SearchField) -> sa.ColumnElement[Any]:
    """Return the SQL of a field's value, with the type that specifications compare. A moment is stored in ISO 8601, which loses no microsecond."""
    value = DOCUMENTS.c.document[field.name]
    text = value.astext
    if field.many:
        elements = sa.func.jsonb_array_elements_text(sa.case((sa.func.jsonb_typeof(value) == "array", value), else_=None))
        listed = sa.func.array(sa.select(elements.column_valued("element")).scalar_subquery(), type_=ARRAY(sa.Text))
        return sa.case((sa.func.jsonb_typeof(value) == "array", listed), else_=None)
    if field.kind is FieldKind.NUMBER:
        return sa.cast(text, sa.BigInteger)
    if field.kind is FieldKind.MOMENT:
        return sa.cast(text, sa.DateTime(timezone=True))
    if field.kind is FieldKind.BOOLEAN:
        return sa.cast(text, sa.Boolean)
    return sa.collate(text, "C")


def _hit(index: str, id: str, title: str, score: int, headlines: Mapping[str, str] | None) -> SearchHit:
    highlights = {
        name: [marked(part.translate(_RESTORED)) for part in headline.split(_BETWEEN)] for name, headline in (headlines or {}).items()
    }
    return SearchHit(index=index, id=UUID(id), title=title, score=score / SCALE, highlights=highlights)


def _place(score: int, id: str) -> tuple[int, UUID]:
    """Return score and id after which a page begins. Raises `ValueError`, `TypeError`."""
    if type(score) is not int or not 0 <= score < 2**62:
        raise ValueError
    return score, UUID(id)

"""A specification selects the same documents in Python, in PostgreSQL, in Elasticsearch and in OpenSearch, whatever the documents are."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.core.protocols import FieldKind, SearchDefinition, SearchDocument, SearchField, SearchRequest
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification, IncomparableValue, Specification, UnknownField
from api_base.infrastructure.db.query_builder import translate as to_sql
from api_base.infrastructure.db.schema import Ownership, system_owned, text, timestamp
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.elasticsearch.mapping import problems
from api_base.infrastructure.elasticsearch.specification import MAX_PART, translate
from tests.factories.search import declared, server_index

Op = ComparisonOperator

DEFINITION = SearchDefinition(
    name="samples",
    title="title",
    permission="samples:read",
    fields=(
        SearchField(name="title", kind=FieldKind.TEXT),
        SearchField(name="name", kind=FieldKind.KEYWORD),
        SearchField(name="long", kind=FieldKind.KEYWORD, max_length=8),
        SearchField(name="tags", kind=FieldKind.KEYWORD, many=True),
        SearchField(name="stock", kind=FieldKind.NUMBER),
        SearchField(name="active", kind=FieldKind.BOOLEAN),
        SearchField(name="made_at", kind=FieldKind.MOMENT),
    ),
)
FIELDS = {field.name: field for field in DEFINITION.fields}
ROWS = system_owned(
    "rows",
    sa.MetaData(),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", text()),
    sa.Column("long", text()),
    sa.Column("tags", ARRAY(text())),
    sa.Column("stock", sa.BigInteger),
    sa.Column("active", sa.Boolean),
    sa.Column("made_at", timestamp()),
)
COLUMNS = {column.name: column for column in ROWS.columns}

# few characters, so that texts meet: those of patterns, combining and astral ones, and the neighbours of what is no character
texts = st.text(st.sampled_from("aAzé%_\\*?,'\"İße\u0301 \n\x01\x7f\ud7ff\ue000\ufdd0\uffff\U00010000\U0001f600\U0010ffff"), max_size=4)
longs = st.builds(lambda start, count: start + "\U0001f600" * count, texts, st.sampled_from([0, 1, 4]))
integers = st.sampled_from([-(2**63), -(2**31) - 1, -1, 0, 1, 2**15, 2**31, 2**53, 2**53 + 1, 2**63 - 1])
zones = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=3, minutes=30))])
instants = st.sampled_from([-62_000_000_000_000_000, -1, 0, 1, 1_767_323_045_678_901, 1_767_323_045_678_902, 253_000_000_000_000_000])
times = st.builds(lambda us, zone: (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone), instants, zones)
COMPARED: dict[str, st.SearchStrategy[Any]] = {
    "name": texts,
    "long": longs,
    "stock": integers,
    "active": st.booleans(),
    "made_at": times,
}
ORDERING = st.sampled_from([Op.EQ, Op.NE, Op.GT, Op.GE, Op.LT, Op.LE])


def _comparisons(field: str) -> st.SearchStrategy[Specification[Any]]:
    values = COMPARED[field]
    return st.builds(FieldSpecification[Any], st.just(field), ORDERING, values) | st.builds(
        FieldSpecification[Any], st.just(field), st.just(Op.IN), st.lists(values, max_size=3)
    )


comparisons: st.SearchStrategy[Specification[Any]] = st.one_of(
    st.sampled_from(sorted(COMPARED)).flatmap(_comparisons),
    st.builds(FieldSpecification[Any], st.sampled_from(["name", "long"]), st.sampled_from([Op.CONTAINS, Op.STARTS_WITH]), texts),
    st.builds(FieldSpecification[Any], st.just("tags"), st.just(Op.CONTAINS), texts),
    st.builds(FieldSpecification[Any], st.sampled_from(sorted(COLUMNS.keys() - {"id"})), st.just(Op.IS_NULL), st.booleans()),
)
specifications = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner), st.builds(lambda a, b: a | b, inner, inner), st.builds(lambda a: ~a, inner)
    ),
    max_leaves=5,
)
documents = st.fixed_dictionaries(
    {
        **{name: st.none() | values for name, values in COMPARED.items()},
        "tags": st.none() | st.lists(texts, max_size=3).map(tuple),
    }
)


class Everywhere:
    """The same rows in a table and in indexes of two servers."""

    def __init__(self, dsn: str, urls: list[str]) -> None:
        self._runner, self._open = asyncio.Runner(), AsyncExitStack()
        self._runner.run(self._connect(dsn, urls))

    async def _connect(self, dsn: str, urls: list[str]) -> None:
        self._connection = await asyncpg.connect(dsn)
        await self._connection.execute(str(sa.schema.CreateTable(ROWS).compile(dialect=sa.dialects.postgresql.dialect())))
        self._indexes = [await self._open.enter_async_context(server_index(url, declared(DEFINITION))) for url in urls]

    def fill(self, rows: dict[UUID, dict[str, Any]]) -> None:
        self._runner.run(self._fill(rows))

    async def _fill(self, rows: dict[UUID, dict[str, Any]]) -> None:
        await self._connection.execute("delete from rows")
        records = [tuple(id if name == "id" else row[name] for name in COLUMNS) for id, row in rows.items()]
        await self._connection.copy_records_to_table("rows", records=records)
        self._tenant = uuid4()
        written = [
            SearchDocument(index="samples", tenant_id=self._tenant, id=id, version=1, values={"title": "a", **row})
            for id, row in rows.items()
        ]
        for index in self._indexes:
            await index.write(written)
            await index.refresh()

    def selected(self, specification: Specification[Any]) -> list[set[UUID]]:
        """What the table selects, then what each server finds."""
        return self._runner.run(self._selected(specification))

    async def _selected(self, specification: Specification[Any]) -> list[set[UUID]]:
        translation = to_sql(specification, COLUMNS)
        statement = Statement(sa.select(ROWS.c.id).where(translation.clause()), Ownership.SYSTEM)
        sql, arguments = statement.call(None, translation.values)
        rows = await self._connection.fetch(sql, *arguments)
        request = SearchRequest(indexes=("samples",), filter=specification, size=100)
        found = [await index.search(request, self._tenant) for index in self._indexes]
        return [{row["id"] for row in rows}, *({hit.id for hit in results.hits} for results in found)]

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.run(self._open.aclose())
        self._runner.close()


@pytest.fixture
def everywhere(postgres: Any, elasticsearch_url: str, opensearch_url: str) -> Iterator[Everywhere]:
    urls = postgres.create()
    opened = Everywhere(urls.owner, [elasticsearch_url, opensearch_url])
    yield opened
    opened.close()
    postgres.drop(urls)


@settings(
    max_examples=20,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(rows=st.lists(documents, min_size=8, max_size=12), asked=st.lists(specifications, min_size=15, max_size=25))
@pytest.mark.slow
def test_python_postgresql_and_the_search_servers_select_the_same_rows(
    everywhere: Everywhere, rows: list[dict[str, Any]], asked: list[Specification[Any]]
) -> None:
    numbered = {uuid4(): row for row in rows}
    everywhere.fill(numbered)
    for specification in asked:
        in_python = {id for id, row in numbered.items() if specification.is_satisfied_by(SimpleNamespace(**row))}
        assert everywhere.selected(specification) == [in_python] * 3, specification


MAX_KEYWORD = "\U0001f600" * 8190 + "a"


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
@pytest.mark.parametrize("operator", [Op.EQ, Op.GE, Op.STARTS_WITH])
async def test_a_keyword_of_the_greatest_length_is_compared(
    request: pytest.FixtureRequest, engine: str, operator: ComparisonOperator
) -> None:
    fields = (SearchField(name="title", kind=FieldKind.TEXT), SearchField(name="name", kind=FieldKind.KEYWORD, max_length=8191))
    definition = SearchDefinition(name="samples", title="title", permission="samples:read", fields=fields)
    tenant = uuid4()
    async with server_index(request.getfixturevalue(f"{engine}_url"), declared(definition)) as index:
        values = {"title": "a", "name": MAX_KEYWORD}
        await index.write([SearchDocument(index="samples", tenant_id=tenant, id=uuid4(), version=1, values=values)])
        await index.refresh()
        for value, found in ((MAX_KEYWORD, 1), (MAX_KEYWORD + "b", 0)):
            asked = SearchRequest(indexes=("samples",), filter=FieldSpecification[Any]("name", operator, value))
            assert len((await index.search(asked, tenant)).hits) == found


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
async def test_the_longest_part_is_looked_for_and_a_longer_one_is_refused(request: pytest.FixtureRequest, engine: str) -> None:
    """The same letter repeated is the most complex part for the server."""
    tenant = uuid4()
    async with server_index(request.getfixturevalue(f"{engine}_url"), declared(DEFINITION)) as index:
        values = {"title": "a", "name": "b" + "a" * MAX_PART + "b"}
        await index.write([SearchDocument(index="samples", tenant_id=tenant, id=uuid4(), version=1, values=values)])
        await index.refresh()
        found = FieldSpecification[Any]("name", Op.CONTAINS, "a" * MAX_PART)
        assert len((await index.search(SearchRequest(indexes=("samples",), filter=found), tenant)).hits) == 1
        longer = FieldSpecification[Any]("name", Op.CONTAINS, "a" * (MAX_PART + 1))
        with pytest.raises(IncomparableValue, match="contains compares at most 128 characters in a search, not 129"):
            await index.search(SearchRequest(indexes=("samples",), filter=longer), tenant)


def test_a_keyword_that_may_be_longer_than_the_servers_accept_is_refused() -> None:
    fields = (SearchField(name="title", kind=FieldKind.TEXT), SearchField(name="name", kind=FieldKind.KEYWORD, max_length=8192))
    definition = SearchDefinition(name="samples", title="title", permission="samples:read", fields=fields)
    assert list(problems(definition)) == [
        "the field 'name' must have a max_length of at most 8191 in this engine: its keywords have 32766 bytes"
    ]


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("name", Op.EQ, 1),
        ("stock", Op.EQ, "1"),
        ("stock", Op.EQ, True),
        ("active", Op.EQ, 1),
        ("tags", Op.EQ, "a"),
        ("tags", Op.IN, ["a"]),
        ("stock", Op.CONTAINS, "1"),
        ("stock", Op.IN, [1, "2"]),
        ("made_at", Op.EQ, "2026-01-01"),
    ],
)
def test_values_of_another_kind_are_refused_as_in_python(field: str, operator: ComparisonOperator, value: Any) -> None:
    specification = FieldSpecification[Any](field, operator, value)
    row = SimpleNamespace(name="a", stock=1, active=True, tags=("a",), made_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(IncomparableValue) as in_python:
        specification.is_satisfied_by(row)
    with pytest.raises(IncomparableValue) as in_search:
        translate(specification, FIELDS)
    assert str(in_search.value) == str(in_python.value)


@pytest.mark.parametrize("field", ["colour", "title"])
def test_only_declared_fields_with_comparable_values_can_be_compared(field: str) -> None:
    with pytest.raises(UnknownField, match=r"does not exist.*active, long, made_at, name, stock, tags\."):
        translate(FieldSpecification[Any](field, Op.EQ, "a"), FIELDS)

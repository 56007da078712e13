"""A specification selects the same rows in Python and in PostgreSQL, whatever the rows and the specification."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.domain.common.specification import ComparisonOperator, FieldSpecification, IncomparableValue, Specification, UnknownField
from api_base.infrastructure.db.query_builder import translate
from api_base.infrastructure.db.schema import Ownership, system_owned, text, timestamp
from api_base.infrastructure.db.statement import Statement

Op = ComparisonOperator


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of every kind, each of them possibly absent."""

    id: int
    name: str | None
    code: str | None
    stock: int | None
    small: int | None
    weight: Decimal | None
    active: bool | None
    made_at: datetime | None
    day: date | None
    owner: UUID | None
    tags: tuple[str, ...] | None
    price: Price | None


SAMPLES = system_owned(
    "samples",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", text()),
    sa.Column("code", sa.String(3, collation="C")),
    sa.Column("stock", sa.BigInteger),
    sa.Column("small", sa.SmallInteger),
    sa.Column("weight", sa.Numeric(12, 2)),
    sa.Column("active", sa.Boolean),
    sa.Column("made_at", timestamp()),
    sa.Column("day", sa.Date),
    sa.Column("owner", sa.Uuid),
    sa.Column("tags", ARRAY(text())),
    sa.Column("price_minor", sa.BigInteger),
)
COLUMNS = {column.name: column for column in SAMPLES.columns if column.name != "price_minor"} | {"price.minor": SAMPLES.c.price_minor}

# few characters, so that texts meet: wildcards, quotes, combining and astral ones, and the neighbours of what is no character
texts = st.text(st.sampled_from("aAzé%_\\,'İße\u0301 \n\x01\x7f\ud7ff\ue000\ufdd0\uffff\U00010000\U0001f600\U0010ffff"), max_size=4)
integers = st.sampled_from([-(2**63), -(2**31) - 1, -1, 0, 1, 2**15, 2**31, 2**53 + 1, 2**63 - 1])
smalls = st.integers(-2, 2)
cents = st.sampled_from([Decimal(n).scaleb(-2) for n in (-100, -1, 0, 1, 100, 101, 9_999_999_999)])
decimals = cents | st.sampled_from([Decimal("1.005"), Decimal("1.00000000000000000001"), Decimal("-0"), Decimal("1E+20"), Decimal("1E-30")])
zones = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=3, minutes=30))])
instants = st.sampled_from([-62_000_000_000_000_000, -1, 0, 1, 1_767_323_045_678_901, 253_000_000_000_000_000])
times = st.builds(lambda us, zone: (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone), instants, zones)
days = st.sampled_from([date.min, date(1999, 12, 31), date(2000, 2, 29), date.max])
uuids = st.sampled_from([UUID(int=0), UUID(int=1), UUID(int=2**127), UUID(int=2**128 - 1)])
booleans = st.booleans()

COMPARED: dict[str, st.SearchStrategy[Any]] = {
    "id": smalls | integers,
    "name": texts,
    "code": texts,
    "stock": integers | smalls,
    "small": smalls | integers,
    "weight": decimals | integers,
    "active": booleans,
    "made_at": times,
    "day": days,
    "owner": uuids,
    "price.minor": integers,
}
TEXTUAL = ("name", "code")
ORDERING = st.sampled_from([Op.EQ, Op.NE, Op.GT, Op.GE, Op.LT, Op.LE])


def _comparisons(field: str) -> st.SearchStrategy[Specification[Sample]]:
    values = COMPARED[field]
    return st.builds(FieldSpecification[Sample], st.just(field), ORDERING, values) | st.builds(
        FieldSpecification[Sample], st.just(field), st.just(Op.IN), st.lists(values, max_size=3)
    )


comparisons: st.SearchStrategy[Specification[Sample]] = st.one_of(
    st.sampled_from(sorted(COMPARED)).flatmap(_comparisons),
    st.builds(FieldSpecification[Sample], st.sampled_from(TEXTUAL), st.sampled_from([Op.CONTAINS, Op.STARTS_WITH]), texts),
    st.builds(FieldSpecification[Sample], st.just("tags"), st.just(Op.CONTAINS), texts),
    st.builds(FieldSpecification[Sample], st.sampled_from(sorted(COLUMNS)), st.just(Op.IS_NULL), booleans),
)
specifications = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner), st.builds(lambda a, b: a | b, inner, inner), st.builds(lambda a: ~a, inner)
    ),
    max_leaves=5,
)


def maybe[V](values: st.SearchStrategy[V]) -> st.SearchStrategy[V | None]:
    return st.none() | values


samples = st.builds(
    Sample,
    id=st.just(0),
    name=maybe(texts),
    code=maybe(texts.map(lambda value: value[:3])),
    stock=maybe(integers),
    small=maybe(smalls),
    weight=maybe(cents),
    active=maybe(booleans),
    made_at=maybe(times),
    day=maybe(days),
    owner=maybe(uuids),
    tags=maybe(st.lists(texts, max_size=3).map(tuple)),
    price=maybe(st.builds(Price, minor=integers)),
)


class Samples:
    """The table of samples on a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(dsn))
        self._runner.run(self._connection.execute(str(sa.schema.CreateTable(SAMPLES).compile(dialect=sa.dialects.postgresql.dialect()))))

    def fill(self, rows: list[Sample]) -> None:
        names = SAMPLES.columns.keys()
        records = [tuple(row.price and row.price.minor if n == "price_minor" else getattr(row, n) for n in names) for row in rows]
        self._runner.run(self._connection.execute("delete from samples"))
        self._runner.run(self._connection.copy_records_to_table("samples", records=records))

    def selected(self, specification: Specification[Sample]) -> set[int]:
        translation = translate(specification, COLUMNS)
        statement = Statement(sa.select(SAMPLES.c.id).where(translation.clause()), Ownership.SYSTEM)
        sql, arguments = statement.call(None, translation.values)
        rows = self._runner.run(self._connection.fetch(sql, *arguments))
        return {row["id"] for row in rows}

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()


@pytest.fixture(scope="module")
def table(postgres: Any) -> Iterator[Samples]:
    urls = postgres.create()
    opened = Samples(urls.owner)
    yield opened
    opened.close()
    postgres.drop(urls)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example])
@given(rows=st.lists(samples, min_size=8, max_size=12), asked=st.lists(specifications, min_size=25, max_size=40))
@pytest.mark.slow
def test_python_and_postgresql_select_the_same_rows(table: Samples, rows: list[Sample], asked: list[Specification[Sample]]) -> None:
    numbered = [replace(row, id=number) for number, row in enumerate(rows)]
    table.fill(numbered)
    for specification in asked:
        in_python = {row.id for row in numbered if specification.is_satisfied_by(row)}
        assert table.selected(specification) == in_python, specification


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("name", Op.EQ, 1),
        ("stock", Op.EQ, "1"),
        ("stock", Op.LT, Decimal("0.5")),
        ("stock", Op.EQ, True),
        ("active", Op.EQ, 1),
        ("made_at", Op.GE, date(2026, 1, 1)),
        ("day", Op.GE, datetime(2026, 1, 1, tzinfo=UTC)),
        ("owner", Op.EQ, str(UUID(int=1))),
        ("tags", Op.EQ, "a"),
        ("tags", Op.IN, ["a"]),
        ("tags", Op.STARTS_WITH, "a"),
        ("stock", Op.CONTAINS, "1"),
        ("stock", Op.IN, [1, "2"]),
    ],
)
def test_values_of_another_kind_are_refused_alike(field: str, operator: ComparisonOperator, value: Any) -> None:
    specification = FieldSpecification[Sample](field, operator, value)
    row = Sample(
        id=1, name="a", code="a", stock=1, small=1, weight=Decimal(1), active=True, made_at=datetime(2026, 1, 1, tzinfo=UTC),
        day=date(2026, 1, 1), owner=UUID(int=1), tags=("a",), price=None,
    )  # fmt: skip
    with pytest.raises(IncomparableValue) as in_python:
        specification.is_satisfied_by(row)
    with pytest.raises(IncomparableValue) as in_sql:
        translate(specification, COLUMNS)
    assert str(in_python.value) == str(in_sql.value)
    assert str(in_sql.value).startswith(f"{field} holds ")


def test_an_unknown_field_is_named_with_those_that_are_known() -> None:
    known = FieldSpecification[Sample]("name", Op.EQ, "a")
    with pytest.raises(UnknownField, match=r"field 'colour' does not exist.*code, day") as refused:
        translate(known & ~FieldSpecification[Sample]("colour", Op.EQ, "red"), COLUMNS)
    assert refused.value.field == "colour"

"""A specification selects the same documents in Python and in every search engine, whatever the documents are."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_base.core.protocols import FieldKind
from api_base.domain.common.specification import ComparisonOperator as Op
from api_base.domain.common.specification import FieldSpecification, IncomparableValue, Specification
from tests.search_engines import ENGINES, FILMS, Engine, film

MOST: Final = 8
texts = st.text(st.sampled_from("aAé\u0301%_\\'\" \U0001f600\ud7ff\uffff"), max_size=4)
numbers = st.sampled_from([-(2**63), -1, 0, 1, 2**53 + 1, 2**63 - 1])
moments = st.builds(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us),
    st.sampled_from([-62_000_000_000_000_000, -1, 0, 1, 2**55 + 1]),
)
VALUES: Final = {"code": texts, "year": numbers, "released": st.booleans(), "shown_at": moments}
ORDERING = st.sampled_from([Op.EQ, Op.NE, Op.GT, Op.GE, Op.LT, Op.LE])


def _comparisons(field: str) -> st.SearchStrategy[Specification[Any]]:
    values = VALUES[field]
    return st.builds(FieldSpecification[Any], st.just(field), ORDERING, values) | st.builds(
        FieldSpecification[Any], st.just(field), st.just(Op.IN), st.lists(values, max_size=3)
    )


leaves: st.SearchStrategy[Specification[Any]] = st.one_of(
    st.sampled_from(sorted(VALUES)).flatmap(_comparisons),
    st.builds(FieldSpecification[Any], st.just("code"), st.sampled_from([Op.CONTAINS, Op.STARTS_WITH]), texts),
    st.builds(FieldSpecification[Any], st.just("genres"), st.just(Op.CONTAINS), texts),
    st.builds(FieldSpecification[Any], st.sampled_from([*VALUES, "genres"]), st.just(Op.IS_NULL), st.booleans()),
)
specifications = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner), st.builds(lambda a, b: a | b, inner, inner), st.builds(lambda a: ~a, inner)
    ),
    max_leaves=5,
)
documents = st.lists(
    st.fixed_dictionaries(
        {**{name: st.none() | values for name, values in VALUES.items()}, "genres": st.none() | st.lists(texts, max_size=2).map(tuple)}
    ),
    max_size=MOST,
)


class Filtering:
    """An engine on an event loop of its own: examples of a property are no coroutines."""

    def __init__(self, opening: AbstractAsyncContextManager[Engine]) -> None:
        self._opening, self._runner = opening, asyncio.Runner()
        self._engine = self._runner.run(opening.__aenter__())

    def close(self) -> None:
        self._runner.run(self._opening.__aexit__(None, None, None))
        self._runner.close()

    def selected(self, tenant: UUID, rows: dict[UUID, dict[str, Any]], specification: Specification[Any]) -> set[UUID]:
        return self._runner.run(self._selected(tenant, rows, specification))

    async def _selected(self, tenant: UUID, rows: dict[UUID, dict[str, Any]], specification: Specification[Any]) -> set[UUID]:
        await self._engine.put(*(film(tenant, "Film", id=id, **row) for id, row in rows.items()))
        return {hit.id for hit in await self._engine.hits(tenant, filter=specification, size=MOST, highlight=False)}


@pytest.fixture(params=sorted(ENGINES))
def filtering(request: pytest.FixtureRequest) -> Iterator[Filtering]:
    made = Filtering(ENGINES[request.param](request))
    yield made
    made.close()


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=documents, specification=specifications)
def test_a_filter_selects_the_same_documents_as_python(
    filtering: Filtering, rows: list[dict[str, Any]], specification: Specification[Any]
) -> None:
    stored = {uuid4(): row for row in rows}
    expected = {id for id, row in stored.items() if specification.is_satisfied_by(SimpleNamespace(**row))}
    assert filtering.selected(uuid4(), stored, specification) == expected


def test_every_kind_of_field_is_filtered() -> None:
    """A new kind of field needs its values here."""
    assert {FILMS.field(name).kind for name in (*VALUES, "genres") if FILMS.field(name)} == set(FieldKind) - {FieldKind.TEXT}  # type: ignore[union-attr]


def test_an_incomparable_value_is_refused_alike(filtering: Filtering) -> None:
    for wrong in (
        FieldSpecification[Any]("year", Op.EQ, "1"),
        FieldSpecification[Any]("genres", Op.EQ, "a"),
        FieldSpecification[Any]("code", Op.LT, 1),
    ):
        with pytest.raises(IncomparableValue):
            filtering.selected(uuid4(), {}, wrong)

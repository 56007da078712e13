"""A list by GraphQL is the list of the REST API: any filter, sort and search becomes the same request, or is refused for the same reasons."""

import asyncio
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_base.application.common.cqrs import Bus, on
from api_base.application.common.listing import Field, ListRequest, Page
from api_base.application.items.dtos import ItemDTO
from api_base.application.items.queries import ITEM_FIELDS, ListItems
from api_base.core.errors import Invalid
from api_base.core.types import NO_REQUEST, current_context
from api_base.domain.common.specification import ComparisonOperator
from api_base.domain.items.value_objects import ItemStatus
from api_base.interface.graphql.context import GraphQLContext
from api_base.interface.graphql.errors import argument_name, located
from api_base.interface.graphql.items import ITEMS
from api_base.interface.graphql.schema import build_schema
from api_base.interface.listing import list_request

QUERY: Final = """
query($first: Int!, $filter: ItemFilter, $sort: [ItemSort!], $q: String) {
  items(first: $first, filter: $filter, sort: $sort, q: $q) { nodes { id } }
}
"""
SCHEMA: Final = build_schema([replace(ITEMS, relations=())])
LISTS: Final = {ComparisonOperator.IN, ComparisonOperator.CONTAINS}
TIMES: Final = ("2026-01-31T12:00:00+00:00", "2025-02-01T00:00:00.123456+00:00")


class Taken:
    """Keeps the request of a list."""

    request: ListRequest | None = None

    async def handle(self, query: ListItems) -> Page[ItemDTO]:
        self.request = query.request
        return Page(items=[], next_cursor=None)


def values_of(field: Field) -> st.SearchStrategy[str]:
    if field.choices:
        return st.sampled_from(field.choices)
    if field.name == "price.amount":
        return st.sampled_from(["1.00", "12.5", "x", "1.001", ""])
    if field.name == "price.currency":
        return st.sampled_from(["EUR", "eur", "USD", "XXX1", ""])
    return st.sampled_from(TIMES) if field.name.endswith("_at") else st.text(st.characters(codec="utf-8"), max_size=12)


@st.composite
def comparisons(draw: st.DrawFn) -> list[tuple[Field, ComparisonOperator, list[str]]]:
    pairs = [(field, operator) for field in ITEM_FIELDS for operator in sorted(field.operators, key=lambda one: one.value)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=6, unique_by=lambda pair: (pair[0].name, pair[1])))
    made = []
    for field, operator in chosen:
        value = st.sampled_from(["true", "false"]) if operator is ComparisonOperator.IS_NULL else values_of(field)
        made.append((field, operator, draw(st.lists(value, min_size=1, max_size=3 if operator in LISTS else 1))))
    return made


def variables_of(found: list[tuple[Field, ComparisonOperator, list[str]]]) -> dict[str, Any]:
    filters: dict[str, dict[str, Any]] = {}
    for field, operator, values in found:
        if operator is ComparisonOperator.IS_NULL:
            value: Any = values[0] == "true"
        else:
            shown = [ItemStatus(one).name if field.choices else one for one in values]
            value = shown if operator in LISTS else shown[0]
        filters.setdefault(argument_name(field.name), {})[argument_name(operator.value)] = value
    return filters


def pairs_of(found: list[tuple[Field, ComparisonOperator, list[str]]]) -> list[tuple[str, str]]:
    """What the REST API takes: filters in the order of the declared fields, a comma inside a value escaped."""
    names = [field.name for field in ITEM_FIELDS]
    pairs = []
    for field, operator, values in sorted(found, key=lambda one: (names.index(one[0].name), one[1].value)):
        name = f"{field.name}[{operator.value}]"
        if operator is ComparisonOperator.IN:
            pairs.append((name, ",".join(one.replace("\\", "\\\\").replace(",", "\\,") for one in values)))
        else:
            pairs += [(name, one) for one in values]
    return pairs


SORTS: Final = st.lists(st.tuples(st.sampled_from(ITEM_FIELDS.sortable), st.booleans()), max_size=3)


@settings(max_examples=60)
@given(comparisons(), SORTS, st.integers(-1, 250), st.none() | st.text(st.characters(codec="utf-8"), max_size=10))
def test_any_list_is_the_same_request(
    found: list[tuple[Field, ComparisonOperator, list[str]]], sorts: list[tuple[str, bool]], first: int, q: str | None
) -> None:
    pairs = [("limit", str(first)), *([("q", q)] if q is not None else [])]
    pairs += [("sort", ",".join(f"{'-' if down else ''}{name}" for name, down in sorts))] if sorts else []
    sort = [{"field": name.replace(".", "_").upper(), "direction": "DESC" if down else "ASC"} for name, down in sorts]
    variables = {"first": first, "filter": variables_of(found), "sort": sort, "q": q}
    taken, bus = Taken(), Bus(())
    bus.add([on(ListItems, taken)])
    current_context.set(NO_REQUEST)
    result = asyncio.run(SCHEMA.execute(QUERY, variable_values=variables, context_value=GraphQLContext(bus)))
    query = urlencode(pairs + pairs_of(found)).encode()
    if result.errors is None:
        assert taken.request is not None
        assert taken.request == list_request(query, ITEM_FIELDS, searchable=True)
        return
    assert result.errors[0].extensions is not None
    shown = {(one["pointer"], one["message"]) for one in result.errors[0].extensions["errors"]}
    with pytest.raises(Invalid) as refusal:
        list_request(query, ITEM_FIELDS, searchable=True)
    assert shown == {(located(one.pointer), one.message) for one in refusal.value.violations}

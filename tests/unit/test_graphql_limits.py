"""What is refused of a GraphQL document before it is parsed, validated or executed."""

import json
from typing import Any, Final

import pytest
from graphql import GraphQLError, Lexer, Source, TokenKind, build_schema, get_introspection_query, parse
from hypothesis import given
from hypothesis import strategies as st

from api_base.interface.graphql import lexical
from api_base.interface.graphql.limits import prices_of
from api_base.interface.graphql.refused import LimitExceeded, RequestRefused
from api_base.interface.graphql.request import OperationRequest
from tests.factories.graphql import engine

REFUSED = {
    "a deep document": ("depth", "{me" + "{parent" * 50 + "{id}" + "}" * 51),
    "aliases": ("aliases", "{" + " ".join(f"a{i}: id" for i in range(1000)) + "}"),
    "directives of one field": ("directives_per_field", "{me{id " + "@include(if: true) " * 50 + "}}"),
    "directives": ("directives", "{me{" + "id @include(if: true) " * 60 + "}}"),
    "a large document": ("document_bytes", "{" + "id " * 3_500_000 + "}"),
    "tokens": ("tokens", "{me{id}}" + "#\n" * 2000),
    "typenames": ("fields", "{" + "__typename " * 400 + "}"),
    "fragments that double": (
        "fields",
        "{me{...F0}}" + "".join(f"fragment F{i} on Item{{...F{i + 1} ...F{i + 1}}}" for i in range(15)) + "fragment F15 on Item{id}",
    ),
    "empty fragments that double": (
        "fields",
        "{me{...F0}}" + "".join(f"fragment F{i} on Item{{...F{i + 1} ...F{i + 1}}}" for i in range(15)) + "fragment F15 on Item{}",
    ),
    "unused fragments": ("fragments", "{me{id}}" + "".join(f"fragment F{i} on Item{{id}}" for i in range(60))),
    "one field in many fragments": (
        "repeats",
        "{me{" + "".join(f"...F{i} " for i in range(20)) + "}}" + "".join(f"fragment F{i} on Item{{name}}" for i in range(20)),
    ),
    "depth by fragments": (
        "depth",
        "{me{...F0}}" + "".join(f"fragment F{i} on Item{{parent{{...F{i + 1}}}}}" for i in range(20)) + "fragment F20 on Item{id}",
    ),
    "operations": ("operations", "".join(f"query Q{i}{{me{{id}}}}" for i in range(20))),
    "anonymous operations": ("operations", "{me{id}}" * 20),
    "a deep argument": ("input_depth", "{node(id: " + "[" * 40 + "]" * 40 + "){id}}"),
    "a deep argument with objects": ("input_depth", "{node(id: " + "{a:" * 40 + "1" + "}" * 40 + "){id}}"),
    "a long argument": ("input_values", "{node(id: [" + "1 " * 900 + "]){id}}"),
    "variables": ("input_values", "query(" + "".join(f"$v{i}: ID " for i in range(200)) + "){me{id}}"),
    "nested pages": ("cost", "{items(first: 100){nodes{files{item{files{item{id}}}}}}}"),
    "a large page": ("cost", "{items(first: 2147483647){nodes{id}}}"),
    "unterminated strings": ("input_values", "{node(id:" + '"\n' * 3000),
}


async def refusal(source: str, **variables: Any) -> RequestRefused:
    one = engine()
    request = OperationRequest(query=source, variables=variables)
    with pytest.raises(RequestRefused) as refused:
        one.operation(await one.prepare(request, keep=True), request, safe=False)
    return refused.value


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.asyncio
async def test_a_document_beyond_a_limit_is_refused_with_the_name_of_the_limit(case: str) -> None:
    name, source = REFUSED[case]
    refused = await refusal(source)
    assert isinstance(refused, LimitExceeded)
    (error,) = refused.errors
    assert error["extensions"]["limit"] == name
    assert f"the limit {name} is {error['extensions']['maximum']}" in error["message"]


@pytest.mark.asyncio
async def test_fragments_in_a_circle_are_refused() -> None:
    refused = await refusal("{me{...A}} fragment A on Item{...B} fragment B on Item{...A}")
    assert refused.errors[0]["extensions"]["code"] == "CIRCULAR_FRAGMENTS"


@pytest.mark.asyncio
async def test_a_fragment_that_is_never_used_is_refused_before_validation() -> None:
    assert "never used" in (await refusal("{me{id}} fragment A on Item{unknown}")).errors[0]["message"]


@pytest.mark.parametrize(("size", "allowed"), [(4999, True), (5000, False), (10**30, False)])
@pytest.mark.asyncio
async def test_a_page_size_in_a_variable_counts(size: int, allowed: bool) -> None:
    source = "query($n: Int){items(first: $n){nodes{id}}}"
    if not allowed:
        assert (await refusal(source, n=size)).errors[0]["extensions"]["limit"] == "cost"
    else:
        one = engine()
        request = OperationRequest(query=source, variables={"n": size})
        assert one.operation(await one.prepare(request, keep=False), request, safe=True)


@pytest.mark.parametrize(
    ("variables", "cost"), [({}, 2 * 7 + 1), ({"n": 3}, 2 * 3 + 1), ({"n": None}, 2 * 50 + 1), ({"n": "x"}, 2 * 50 + 1)]
)
@pytest.mark.asyncio
async def test_the_default_of_a_variable_counts(variables: dict[str, Any], cost: int) -> None:
    prepared = await engine().prepare(OperationRequest(query="query($n: Int = 7){items(first: $n){nodes{id}}}"), keep=False)
    assert prepared.prices[""].total(variables) == cost


SIZES: Final = build_schema(
    "type Query { items(first: Int, last: Int): ItemConnection nodes(ids: [ID!]!): [Item]! } type ItemConnection { nodes: [Item!]! total: Int }"
    " type Item { id: ID parts(first: Int, last: Int): ItemConnection }"
)


@pytest.mark.parametrize(
    ("variables", "size"),
    [({}, 50), ({"first": 3}, 3), ({"last": 200}, 200), ({"first": None, "last": 4}, 4), ({"first": 2, "last": 90}, 90)],
)
def test_the_larger_of_two_sizes_counts(variables: dict[str, Any], size: int) -> None:
    """Whichever comes first in the document: a null beside it makes a page no cheaper."""
    for arguments in ("first: $first, last: $last", "last: $last, first: $first"):
        source = f"query($first: Int, $last: Int) {{ items({arguments}) {{ nodes {{ id }} }} }}"
        assert prices_of(parse(source), SIZES, 16)[""].total(variables) == 2 * size + 1


@pytest.mark.parametrize("count", [1, 200])
def test_ids_cost_as_much_by_default_as_by_a_variable_or_in_the_document(count: int) -> None:
    selected, ids = "{ parts(first: 40) { nodes { id } } }", json.dumps(["a"] * count)
    by_default, by_variable, literal = (
        prices_of(parse(source), SIZES, 16)[""]
        for source in (
            f"query($ids: [ID!]! = {ids}) {{ nodes(ids: $ids) {selected} }}",
            f"query($ids: [ID!]!) {{ nodes(ids: $ids) {selected} }}",
            f"{{ nodes(ids: {ids}) {selected} }}",
        )
    )
    assert by_default.total({}) == by_variable.total({"ids": ["a"] * count}) == literal.total({}) == 1 + count * (1 + 40 * 2)


def test_pages_in_pages_multiply() -> None:
    source = "{ items(first: 50) { nodes { parts(last: 20) { nodes { id } total } } } }"
    assert prices_of(parse(source), SIZES, 16)[""].total({}) == 1 + 50 * (1 + 1 + 20 * 3)


@pytest.mark.parametrize(("source", "cost"), [("{items{nodes{id}}}", 101), ("{items{edges{node{id name}}}}", 201), ("{me{files{id}}}", 12)])
@pytest.mark.asyncio
async def test_pages_without_a_size_and_lists_count(source: str, cost: int) -> None:
    prepared = await engine().prepare(OperationRequest(query=source), keep=False)
    assert prepared.prices[""].total({}) == cost


@pytest.mark.asyncio
async def test_the_introspection_of_tools_is_within_the_limits() -> None:
    request = OperationRequest(query=get_introspection_query(input_value_deprecation=True, specified_by_url=True))
    one = engine(shows_internals=True)
    prepared = await one.prepare(request, keep=False)
    assert one.operation(prepared, request, safe=True)
    assert (await one.execute(prepared, request)).executed


@pytest.mark.asyncio
async def test_production_neither_introspects_nor_suggests() -> None:
    assert "introspection" in (await refusal("{__schema{types{name}}}")).errors[0]["message"]
    assert "id" not in (await refusal("{me{idd}}")).errors[0]["message"].replace("idd", "")


@pytest.mark.parametrize("quotes", ['"', '"""'])
@given(text=st.text(alphabet='"\\\n#{}()@:.a \u00e9', max_size=60))
def test_the_tokens_of_a_valid_document_are_those_of_the_parser(quotes: str, text: str) -> None:
    source = f"{{a(b: {quotes}{text}{quotes}) c}}"
    lexer, count = Lexer(Source(source)), 0
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            count += 1
    except GraphQLError:
        return
    assert sum(1 for one in lexical._TOKEN.findall(source) if one[0] != "#") == count


@given(source=st.text(alphabet='{}()[]@:$."\\#\n\r\ufeff,!&|=a1é', max_size=90))
def test_any_text_is_read_to_its_end(source: str) -> None:
    ends = [match.end() for match in lexical._TOKEN.finditer(source)]
    assert not source[max(ends, default=0) :].strip(" \t\n\r,\ufeff")
    assert len(ends) == len(set(ends))

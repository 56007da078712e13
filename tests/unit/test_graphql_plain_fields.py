"""Plain fields are executed past the libraries: the response is that of graphql-core alone, for any objects and selections."""

from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLSchema, execute, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from api_base.interface.graphql.fields import object_type, plain_field
from api_base.interface.graphql.plain import plain_executor


@dataclass
class Thing:
    number: Any
    text: Any
    optional: Any
    several: Any
    inner: Any


def schema_of() -> GraphQLSchema:
    """A schema whose fields read what may not fit their types."""
    fields = {"number": int, "text": str, "optional": int | None, "several": list[int], "maybe": list[int | None] | None}
    readers = {
        name: plain_field(lambda found, name="several" if name == "maybe" else name: getattr(found, name), hint)
        for name, hint in fields.items()
    }
    inner: Any = object_type("Inner", dict(readers))
    outer: Any = object_type("Thing", {**readers, "inner": plain_field(lambda found: found.inner, inner | None)})
    query: Any = object_type(
        "Query", {"thing": plain_field(lambda found: found, outer | None), "things": plain_field(lambda found: [found, found], list[outer])}
    )
    return strawberry.Schema(query=query)._schema


PLAIN, OTHER = schema_of(), schema_of()
EXECUTOR = plain_executor(PLAIN)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**40), 2**40),
    st.text(max_size=3),
    st.booleans(),
    st.floats(),
    st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=3),
)
FIELDS = "number text optional several maybe"


def things(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Thing]:
    return st.builds(Thing, VALUES, VALUES, VALUES, VALUES, inner)


def seen(result: Any) -> Any:
    assert isinstance(result, ExecutionResult)
    return result.data, [(error.message, error.path, error.locations) for error in result.errors or ()]


@settings(max_examples=40)
@given(thing=things(st.one_of(st.none(), things(st.none()))), chosen=st.lists(st.sampled_from(FIELDS.split()), min_size=1, max_size=4))
def test_the_response_is_that_of_graphql_core(thing: Thing, chosen: list[str]) -> None:
    selection = " ".join(chosen)
    document = parse(f"{{ thing {{ {selection} inner {{ {selection} }} }} things {{ a: {chosen[0]} {selection} }} }}")
    ours = execute(PLAIN, document, thing, executor_class=EXECUTOR)
    assert seen(ours) == seen(execute(OTHER, document, thing))


def test_leaves_and_lists_of_leaves_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word of graphql-core about the objects of a list: their fields are not executed one by one."""
    executed: list[str] = []
    original = EXECUTOR.execute_field

    def counting(self: Any, parent: Any, source: Any, details: Any, path: Any, context: Any) -> Any:
        executed.append(path.key)
        return original(self, parent, source, details, path, context)

    monkeypatch.setattr(EXECUTOR, "execute_field", counting)
    thing = Thing(1, "a", None, [1], Thing(2, "b", None, [2], None))
    document = parse(
        f"{{ __typename things {{ __typename {FIELDS} inner {{ ...F }} }} }} fragment F on Inner {{ {FIELDS} @skip(if: false) }}"
    )
    result: Any = execute(PLAIN, document, thing, executor_class=EXECUTOR)
    assert len(result.data["things"]) == 2
    assert result.data["things"][0]["inner"]["text"] == "b"
    assert executed == []


def test_a_text_that_stands_many_times_is_counted_each_time() -> None:
    text = "x" * 1_000_000
    document = parse("{ things { " + " ".join(f"a{number}: text" for number in range(10)) + " } }")
    executor: Any = EXECUTOR.build(PLAIN, document, Thing(1, text, None, [], None))
    executor.execute_operation()
    assert executor.size.characters >= 20_000_000
    assert executor.size.exceeded

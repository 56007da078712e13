"""What an author of a search index forgets is found at start, together and by name; so is an index that was built for another definition."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from api_base.application.common.search import DeclaredIndex, SearchIndexes, differences
from api_base.core.errors import ProgrammingError, WiringError
from api_base.core.protocols import FieldKind, Generation, IndexState, SearchDefinition, SearchField
from api_base.core.types import Language

GOOD = SearchDefinition(
    name="films",
    title="title",
    permission="films:read",
    fields=(
        SearchField(name="title", kind=FieldKind.TEXT, weight=10),
        SearchField(name="genres", kind=FieldKind.KEYWORD, many=True, facet=True, searched=True),
        SearchField(name="year", kind=FieldKind.NUMBER),
    ),
)
EVENTS = {"films.made.v1": ("aggregate_id", "tenant_id"), "films.seen.v1": ("aggregate_id",)}


def indexes(*definitions: SearchDefinition, events: Sequence[str] = ("films.made.v1",)) -> SearchIndexes:
    declared = SearchIndexes()
    declared.add([DeclaredIndex[Any](definition=one, events=tuple(events), source=lambda ports: ports) for one in definitions], None)
    return declared


def refused(declared: SearchIndexes, engine: Sequence[str] = ()) -> list[str]:
    with pytest.raises(WiringError) as caught:
        declared.check(EVENTS, {"films:read"}, lambda definition: engine)
    return [fault.sentence for fault in caught.value.faults]


def with_field(**changes: Any) -> SearchDefinition:
    return replace(GOOD, fields=(*GOOD.fields, SearchField(**({"name": "more", "kind": FieldKind.KEYWORD} | changes))))


def test_a_complete_declaration_is_accepted() -> None:
    indexes(GOOD).check(EVENTS, {"films:read"}, lambda definition: ())
    assert list(indexes(GOOD).events()) == [("films", "films.made.v1")]


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (replace(GOOD, name="Films!"), "the name 'Films!' must have at most 40 of a-z, 0-9 and _, and begin with a letter"),
        (replace(GOOD, title="nothing"), "the title 'nothing' must name a field of the kind text"),
        (replace(GOOD, title="year"), "the title 'year' must name a field of the kind text"),
        (replace(GOOD, languages=()), "declares no language"),
        (replace(GOOD, permission="films:raed"), "needs the permission 'films:raed', which no context declares"),
        (with_field(name="year"), "declares the field 'year' twice"),
        (with_field(name="A b"), "the field 'A b' must have at most 40 of a-z, 0-9 and _ in its name, and begin with a letter"),
        (with_field(searched=True, weight=11), "the field 'more' must have a weight from 1 to 10"),
        (with_field(weight=2), "the field 'more' has a weight, but no words: only texts and searched keywords have"),
        (
            with_field(kind=FieldKind.NUMBER, searched=True),
            "the field 'more' is declared as searched, which is for keywords: a text always is, other kinds have no words",
        ),
        (with_field(kind=FieldKind.TEXT, facet=True), "the field 'more' cannot be a facet: only keywords and booleans have few values"),
        (with_field(kind=FieldKind.MOMENT, many=True), "the field 'more' cannot be a list: only keywords can"),
        (with_field(max_length=0), "the field 'more' must have a max_length from 1 to 10000"),
    ],
)
def test_what_is_wrong_with_a_definition_is_named(definition: SearchDefinition, problem: str) -> None:
    assert refused(indexes(definition)) == [f"The search index {definition.name!r} {problem}."]


def test_events_that_do_not_exist_or_name_no_tenant_are_refused_and_so_is_none() -> None:
    assert refused(indexes(GOOD, events=["films.mdae.v1", "films.seen.v1"])) == [
        "The search index 'films' names the event 'films.mdae.v1', which no context declares.",
        "The search index 'films' names the event 'films.seen.v1', which has no field tenant_id.",
    ]
    assert refused(indexes(GOOD, events=())) == ["The search index 'films' names no event: its documents would never change."]


def test_what_the_engine_cannot_express_is_refused() -> None:
    assert refused(indexes(GOOD), ["is too wide"]) == ["The search index 'films' is too wide."]


def test_two_indexes_of_one_name_are_refused() -> None:
    with pytest.raises(ProgrammingError, match="Two search indexes have the name 'films'"):
        indexes(GOOD, GOOD)


def test_an_index_that_is_not_declared_is_named_with_those_that_are() -> None:
    with pytest.raises(ProgrammingError, match=r"No search index has the name 'book'\. Declared: films\."):
        indexes(GOOD).definition("book")


@pytest.mark.parametrize(
    "changed",
    [
        with_field(),
        replace(GOOD, languages=(Language.EN,)),
        replace(GOOD, fields=(replace(GOOD.fields[0], weight=9), *GOOD.fields[1:])),
        replace(GOOD, fields=(GOOD.fields[0], replace(GOOD.fields[1], max_length=99), GOOD.fields[2])),
    ],
)
def test_an_index_that_was_built_for_another_definition_is_stated_with_the_command(changed: SearchDefinition) -> None:
    built = [IndexState(index="films", digests={Generation.LIVE: GOOD.digest})]
    assert list(differences(indexes(GOOD), built)) == []
    assert list(differences(indexes(changed), [IndexState(index="films", digests={})])) == []
    (sentence,) = differences(indexes(changed), built)
    assert "api-base search reindex films" in sentence


def test_the_permission_of_readers_is_not_part_of_what_is_stored() -> None:
    assert replace(GOOD, permission="films:see").digest == GOOD.digest

"""The GraphQL schema: no change breaks clients by accident, every route is a mutation or stays with HTTP on purpose, and what authors forget."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import pytest
from graphql import build_schema as parsed

from api_base.application.items.dtos import ItemDTO
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.graphql import declared_graphql
from api_base.core.errors import ConfigurationError, ProgrammingError
from api_base.interface.graphql.declared import GraphQL, Node, Relation, Single
from api_base.interface.graphql.inputs import Inputs
from api_base.interface.graphql.schema import build_schema
from api_base.interface.v1.bodies import Body
from api_base.interface.versioning.shapes import Shapes
from tools.compatible import IncompatibleError
from tools.documents import ROOT, SCHEMA
from tools.graphql_schema import breaking, check_schema, schema_text


@pytest.fixture(scope="module")
def text() -> str:
    return schema_text()


def test_the_committed_schema_has_no_breaking_change(text: str) -> None:
    found = breaking((ROOT / SCHEMA).read_text(encoding="utf-8"), text)
    assert not found, "; ".join(change.description for change in found)


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("FIELD_CHANGED_KIND", "  sku: String!\n", "  sku: String\n"),
        ("FIELD_CHANGED_KIND", "  tags: [String!]!\n", "  tags: String!\n"),
        ("FIELD_REMOVED", "  item(id: ID!): Item\n", "  other(id: ID!): Item\n"),
        ("FIELD_REMOVED", '  price: Money @deprecated(reason: "Use prices.")\n', ""),
        ("VALUE_REMOVED_FROM_ENUM", "  DRAFT\n", ""),
        ("REQUIRED_INPUT_FIELD_ADDED", "input CreateItemInput {\n", "input CreateItemInput {\n  colour: String!\n"),
        ("FIELD_REMOVED", '  price: PricePatchInput @deprecated(reason: "Use prices.")\n', ""),
        ("FIELD_CHANGED_KIND", "input CreateItemInput {\n  sku: String!\n  name: String!\n  description: String\n", "input CreateItemInput {\n  sku: String!\n  name: String!\n  description: String!\n"),
        ("ARG_REMOVED", "  item(id: ID!): Item\n", "  item: Item\n"),
        ("REQUIRED_ARG_ADDED", "  item(id: ID!): Item\n", "  item(id: ID!, tenant: ID!): Item\n"),
        ("ARG_CHANGED_KIND", "  item(id: ID!): Item\n", "  item(id: String!): Item\n"),
        ("IMPLEMENTED_INTERFACE_REMOVED", "type Item implements Node {\n", "type Item {\n"),
        ("TYPE_REMOVED", "scalar Long\n", ""),
    ],
)  # fmt: skip
def test_a_change_that_breaks_clients_is_found_by_name(text: str, kind: str, before: str, after: str) -> None:
    changed = text.replace(before, after)
    assert changed != text
    if kind == "TYPE_REMOVED":
        changed = changed.replace("Long", "Int")
    with pytest.raises(IncompatibleError, match=rf"\[{kind}\].*make docs BREAKING=1"):
        check_schema(text, changed)


def test_a_field_that_is_added_breaks_nobody(text: str) -> None:
    check_schema(text, text.replace("  sku: String!\n", "  sku: String!\n  colour: String\n", 1))


def test_every_field_of_a_dto_is_one_of_its_type(text: str) -> None:
    fields = parsed(text).type_map["Item"].fields  # type: ignore[attr-defined]
    assert {"sku", "createdAt", "deletedAt", "id", "uuid", "attributes"} <= set(fields)


@dataclass(frozen=True)
class Odd:
    id: UUID
    other: complex


@dataclass(frozen=True)
class ItemTwice:
    id: UUID


def nothing(*_: Any) -> Any:
    raise AssertionError("nothing is executed here")


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ([GraphQL(nodes=(Node(name="Odd", dto=Odd, by_ids=nothing, path="/odd"),))], "Odd.other has the type"),
        (
            [GraphQL(nodes=(Node(name="Item", dto=dto, by_ids=nothing, path=f"/{dto.__name__}"),)) for dto in (ItemDTO, ItemTwice)],
            "Two DTOs have the GraphQL type Item",
        ),
        (
            [GraphQL(singles=(Single(name="node", query=nothing, dto=ItemTwice, description="-"),))],
            "Two contexts declare the GraphQL field 'node'",
        ),
        (
            [GraphQL(relations=(Relation(on=ItemTwice, name="odd", to=Odd, key=nothing, description="-"),))],
            "leads to Odd, which is no node",
        ),
    ],
)
def test_what_graphql_cannot_show_is_found_when_the_schema_is_built(declared: list[GraphQL], reason: str) -> None:
    with pytest.raises(ProgrammingError, match=reason):
        build_schema(declared)


@pytest.mark.parametrize(
    "path", ["no.such.module:X", "api_base.interface.graphql.items:NONE", "api_base.interface.graphql.items", "json:dumps"]
)
def test_a_path_that_names_no_declaration_is_refused_with_its_context(path: str) -> None:
    with pytest.raises(ConfigurationError, match="The context 'odd': graphql="):
        declared_graphql([Context(name="odd", graphql=path)])


def test_every_context_with_routes_of_data_declares_its_part() -> None:
    assert {context.name for context in BUILT_IN if context.graphql is None} == {"auth", "exports", "ofrep", "versions"}


class CreateRental(Body):
    action: Literal["create"]
    room: str


class CancelRental(Body):
    action: Literal["cancel"]
    reason: str


class PayRental(Body):
    action: Literal["pay"]
    amount: int


class BatchBody(Body):
    rentals: list[CreateRental | CancelRental]


class SameBody(Body):
    rental: CreateRental | CancelRental


class PaymentsBody(Body):
    rentals: list[PayRental | CancelRental]


def test_two_unions_of_bodies_never_share_an_input_type() -> None:
    """Both would be a RentalInput, with the members of the first."""
    inputs = Inputs(Shapes([]))
    for body in (BatchBody, SameBody):
        inputs.of(body)
    with pytest.raises(ProgrammingError, match="have the GraphQL type RentalInput: rename PayRental of one of them"):
        inputs.of(PaymentsBody)

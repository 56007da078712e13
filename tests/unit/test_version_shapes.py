"""Older shapes of classes within classes: in lists, mappings, unions, generics and themselves, each with its pointers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

import pytest
from pydantic import Field, RootModel, TypeAdapter, ValidationError

from api_base.application.common.listing import EQUALITY
from api_base.application.common.listing import Field as ListedField
from api_base.core.errors import Invalid, ProgrammingError
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification
from api_base.interface.routes.renaming import WIRES, client_type
from api_base.interface.routes.versions import Version
from api_base.interface.v1.bodies.base import Body
from api_base.interface.versioning import FirstOf, Renamed, Replaced, Split
from api_base.interface.versioning.pointers import older_pointer
from api_base.interface.versioning.shapes import Shapes

V3: Final = Version(3, released=date(2027, 1, 1))
V4: Final = Version(4, released=date(2028, 1, 1))


class LeafBody(Body):
    text: Annotated[str, Field(max_length=5)]


class TreeBody(Body):
    leaf: LeafBody | None = None
    leaves: list[LeafBody] = Field(default_factory=list)
    by_name: dict[str, LeafBody] = Field(default_factory=dict)
    many: dict[str, list[LeafBody]] = Field(default_factory=dict)


class NodeBody(Body):
    text: Annotated[str, Field(max_length=5)]
    children: list["NodeBody"] = Field(default_factory=list)
    parent: "BranchBody | None" = None


class BranchBody(Body):
    node: NodeBody | None = None
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafDTO:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColouredDTO(LeafDTO):
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDTO:
    text: str
    children: Sequence["NodeDTO"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxDTO[T]:
    leaf: LeafDTO
    content: T
    others: Sequence[T]


def refused(text: str) -> str:
    raise ValueError("must be another one")


WORDS: Final = Renamed(V4, (LeafBody, NodeBody, LeafDTO, NodeDTO), was="words", now="text")
NODES: Final = Renamed(V3, (TreeBody,), was="nodes", now="leaves")
SHAPES: Final = Shapes([WORDS, NODES])


def sent(body: Any, document: Any) -> Any:
    return SHAPES.asked(TypeAdapter(SHAPES.of(body)).validate_python(document), "body")


@pytest.mark.parametrize(
    ("older", "newest"),
    [
        ({"leaf": {"words": "a"}}, {"leaf": {"text": "a"}}),
        ({"leaf": None}, {"leaf": None}),
        ({"nodes": [{"words": "a"}, {"words": "b"}]}, {"leaves": [{"text": "a"}, {"text": "b"}]}),
        ({"by_name": {"words": {"words": "a"}}}, {"by_name": {"words": {"text": "a"}}}),
        ({"many": {"x": [{"words": "a"}]}}, {"many": {"x": [{"text": "a"}]}}),
    ],
)
def test_classes_within_are_read_in_the_older_shape(older: dict[str, Any], newest: dict[str, Any]) -> None:
    assert sent(TreeBody, older).model_dump(exclude_unset=True) == newest


@pytest.mark.parametrize(
    ("newest", "older"),
    [
        ("/body/leaf/text", "/body/leaf/words"),
        ("/body/leaves/1/text", "/body/nodes/1/words"),
        ("/body/by_name/text/text", "/body/by_name/text/words"),
        ("/body/many/leaves/0/text", "/body/many/leaves/0/words"),
        ("/leaves", "/nodes"),
        ("/query/text", "/query/text"),
        ("/body/nothing/text", "/body/nothing/text"),
        ("/body", "/body"),
        ("", ""),
    ],
)
def test_pointers_lead_into_the_older_shape(newest: str, older: str) -> None:
    assert older_pointer(newest, TreeBody, SHAPES.changes_of) == older


def test_a_body_that_contains_itself_is_changed_throughout() -> None:
    document = {"words": "a", "children": [{"words": "b", "children": [{"words": "c"}]}], "parent": {"size": 1, "node": {"words": "d"}}}
    assert sent(NodeBody, document).model_dump(exclude_unset=True) == {
        "text": "a",
        "children": [{"text": "b", "children": [{"text": "c"}]}],
        "parent": {"size": 1, "node": {"text": "d"}},
    }
    assert sent(BranchBody, {"node": {"words": "a"}}).model_dump(exclude_unset=True) == {"node": {"text": "a"}}
    for wrong in ({"words": "a", "children": [{"text": "b"}]}, {"words": "a", "parent": {"node": {"text": "b"}}}):
        with pytest.raises(ValidationError, match="words"):
            sent(NodeBody, wrong)
    assert older_pointer("/body/parent/node/children/0/text", NodeBody, SHAPES.changes_of) == "/body/parent/node/children/0/words"
    schema = TypeAdapter(SHAPES.of(NodeBody)).json_schema()
    assert [{*one["properties"]} for one in schema["$defs"].values()] == [{"node", "size"}, {"words", "children", "parent"}]


def test_a_result_that_contains_itself_is_changed_throughout() -> None:
    older = SHAPES.of(NodeDTO)
    made = NodeDTO(text="a", children=(NodeDTO(text="b", children=()),))
    shown = TypeAdapter(older).dump_python(SHAPES.shown(made, str), warnings=False)
    assert shown == {"words": "a", "children": [{"words": "b", "children": []}]}
    assert {*TypeAdapter(older).json_schema()["$defs"]["NodeDTO"]["properties"]} == {"words", "children"}


def test_a_result_of_a_derived_class_is_shown_as_the_declared_one() -> None:
    SHAPES.of(LeafDTO)
    shown = SHAPES.shown(ColouredDTO(text="a", colour="red"), str)
    assert {name: getattr(shown, name) for name in shown.__dataclass_fields__} == {"words": "a"}


def test_a_generic_class_has_changed_classes_beside_its_arguments() -> None:
    older = SHAPES.of(BoxDTO[NodeDTO])
    made = BoxDTO(leaf=LeafDTO(text="a"), content=NodeDTO(text="b", children=()), others=[NodeDTO(text="c", children=())])
    shown = TypeAdapter(older).dump_python(SHAPES.shown(made, str), warnings=False)
    assert shown == {
        "leaf": {"words": "a"},
        "content": {"words": "b", "children": []},
        "others": [{"words": "c", "children": []}],
    }


def test_what_did_not_change_stays() -> None:
    assert Shapes([NODES]).of(NodeBody) is NodeBody
    assert Shapes([NODES]).of(BoxDTO[int]) == BoxDTO[int]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"leaf": {"line": "x"}}, "/body/leaf/line"),
        ({"leaves": [{"line": "a b"}, {"line": "x"}]}, "/body/leaves/1/line"),
        ({"by_name": {"a": {"line": "x"}}}, "/body/by_name/a/line"),
        ({"many": {"a": [{"line": "a b"}, {"line": "longer text"}]}}, "/body/many/a/1/line"),
    ],
)
def test_what_a_change_refuses_is_located_where_it_was_sent(document: dict[str, Any], pointer: str) -> None:
    """The text became two, which became one of another name."""

    def split(line: str) -> Mapping[str, str]:
        first, found, second = line.partition(" ")
        if not found:
            raise ValueError("must be two words")
        return {"words": first, "rest": second}

    class TwoBody(Body):
        text: Annotated[str, Field(max_length=5)]
        rest: str

    class ForestBody(Body):
        leaf: TwoBody | None = None
        leaves: list[TwoBody] = Field(default_factory=list)
        by_name: dict[str, TwoBody] = Field(default_factory=dict)
        many: dict[str, list[TwoBody]] = Field(default_factory=dict)

    shapes = Shapes(
        [
            Renamed(V4, (TwoBody,), was="words", now="text"),
            Split(V3, (TwoBody,), was="line", now=("words", "rest"), split=split, joined=lambda words, rest: f"{words} {rest}"),
        ]
    )
    with pytest.raises(Invalid) as raised:
        shapes.asked(TypeAdapter(shapes.of(ForestBody)).validate_python(document), "body")
    assert [one.pointer for one in raised.value.violations] == [pointer]


def test_a_value_that_read_refuses_is_located_by_its_oldest_name() -> None:
    shapes = Shapes(
        [
            Replaced(V4, (LeafBody,), was="words", now="text", type=str, show=str, read=refused),
            Renamed(V3, (LeafBody,), was="line", now="words"),
        ]
    )
    with pytest.raises(Invalid, match="/body/line: must be another one"):
        shapes.asked(shapes.of(LeafBody).model_validate({"line": "a"}), "body")


def test_a_pointer_into_the_first_of_a_list_leads_to_what_it_was() -> None:
    shapes = Shapes([FirstOf(V3, (TreeBody,), was="single", now="leaves", type=LeafBody | None, read=lambda one: [one])])
    assert older_pointer("/body/leaves/0/text", TreeBody, shapes.changes_of) == "/body/single/text"


def test_a_class_that_contains_itself_has_other_names_for_clients() -> None:
    """Of the oldest shape, as of any."""
    older = client_type(SHAPES.of(NodeBody), WIRES["camel"])
    document = {"words": "a", "children": [{"words": "b"}], "parent": {"size": 1, "node": {"words": "c"}}}
    assert TypeAdapter(older).validate_python(document).model_dump(exclude_unset=True) == document
    assert {*TypeAdapter(client_type(SHAPES.of(NodeDTO), WIRES["camel"])).json_schema()["$defs"]} == {"NodeDTO"}


def test_a_class_that_cannot_be_made_stands_in_the_way_of_no_other() -> None:
    class TwinBody(Body):
        due_on: str
        dueOn: str

    for _ in range(2):
        with pytest.raises(ProgrammingError, match="Two fields of TwinBody have the name 'dueOn'"):
            client_type(TwinBody, WIRES["camel"])
    assert client_type(LeafBody, WIRES["camel"]) is client_type(LeafBody, WIRES["camel"])


type Json = str | list[Json] | dict[str, Json] | None
type Leaves = LeafBody | list[Leaves]


class LooseBody(Body):
    leaf: LeafBody
    content: Json = None


class LeavesBody(Body):
    leaves: Leaves


def test_a_type_that_contains_itself_is_left_as_it_is_where_nothing_in_it_changed() -> None:
    document = {"leaf": {"words": "a"}, "content": {"a": ["b", None]}}
    assert sent(LooseBody, document).model_dump() == {"leaf": {"text": "a"}, "content": {"a": ["b", None]}}
    assert TypeAdapter(client_type(LooseBody, WIRES["camel"])).validate_python({"leaf": {"text": "a"}, "content": ["a"]}).content == ["a"]


@pytest.mark.parametrize("make", [SHAPES.of, lambda body: client_type(body, WIRES["camel"])])
def test_a_type_that_contains_itself_and_a_changed_class_is_refused(make: Callable[[Any], Any]) -> None:
    with pytest.raises(ProgrammingError, match="The type Leaves contains itself, and .* Write a class in its place"):
        make(LeavesBody)


def test_a_filter_by_a_text_finds_what_has_no_second_part() -> None:
    change = Split(V3, (LeafBody,), was="name", now=("first", "last"), split=lambda name: {"first": name, "last": None}, joined=str)
    newer = {name: ListedField(name=name, kind=str, operators=EQUALITY, nullable=True) for name in ("first", "last")}
    found = change.comparisons(FieldSpecification("name", ComparisonOperator.EQ, "Cher"), newer)
    assert [(one.field, one.operator.value, one.value) for one in found] == [("first", "eq", "Cher"), ("last", "is_null", True)]


class LeafListBody(RootModel[list[LeafBody]]):
    """A body that is a list."""


class EnvelopeBody[T](Body):
    inner_one: T
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentDTO[T]:
    content: T


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetDTO[T](ContentDTO[T]):
    leaf: LeafDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class TwigDTO:
    name: str
    leaf: LeafDTO


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTwigDTO(TwigDTO):
    length: int


def test_a_body_that_is_a_list_is_read_in_the_older_shape() -> None:
    assert sent(LeafListBody, [{"words": "a"}]).model_dump() == [{"text": "a"}]
    assert older_pointer("/body/0/text", LeafListBody, SHAPES.changes_of) == "/body/0/words"


@pytest.mark.parametrize("name", ["inner_one", "content"])
def test_a_generic_body_is_read_in_the_older_shape(name: str) -> None:
    changes = [WORDS, *([Renamed(V3, (EnvelopeBody,), was="content", now="inner_one")] if name == "content" else [])]
    shapes = Shapes(changes)
    older = TypeAdapter(shapes.of(EnvelopeBody[LeafBody])).validate_python({name: {"words": "a"}})
    assert shapes.asked(older, "body").model_dump() == {"inner_one": {"text": "a"}, "note": ""}
    assert TypeAdapter(client_type(EnvelopeBody[LeafBody], WIRES["camel"])).validate_python({"innerOne": {"text": "a"}}).note == ""


def test_a_generic_class_that_derives_from_another_one_has_its_arguments_there_too() -> None:
    older = SHAPES.of(SheetDTO[LeafDTO])
    made = SheetDTO(content=LeafDTO(text="a"), leaf=LeafDTO(text="b"))
    assert TypeAdapter(older).dump_python(SHAPES.shown(made, str), warnings=False) == {"content": {"words": "a"}, "leaf": {"words": "b"}}


def test_a_result_of_a_derived_class_is_shown_as_the_declared_one_with_what_is_within() -> None:
    shapes = Shapes([WORDS, Renamed(V3, (TwigDTO,), was="title", now="name")])
    older = shapes.of(TwigDTO)
    shown = shapes.shown(LongTwigDTO(name="a", leaf=LeafDTO(text="b"), length=3), str)
    assert TypeAdapter(older).dump_python(shown, warnings=False) == {"title": "a", "leaf": {"words": "b"}}


def test_a_derived_class_that_is_declared_itself_is_no_object_of_its_base() -> None:
    shapes = Shapes([Renamed(V3, (LeafDTO,), was="words", now="text")])
    shapes.of(LeafDTO | ColouredDTO)
    shapes.of(ColouredDTO)
    assert shapes.shown(ColouredDTO(text="a", colour="red"), str) == ColouredDTO(text="a", colour="red")


def test_an_alias_is_that_of_the_newer_name_only() -> None:
    class SinceBody(Body):
        from_: str = Field(alias="from")
        until: str = Field(default="", alias="to")

    shapes = Shapes([Renamed(V3, (SinceBody,), was="since", now="from_")])
    older = TypeAdapter(shapes.of(SinceBody)).validate_python({"since": "a", "to": "b"})
    assert shapes.asked(older, "body").model_dump() == {"from_": "a", "until": "b"}


def test_a_discriminator_that_was_called_otherwise_is_refused() -> None:
    class AlphaBody(Body):
        kind: Literal["alpha"]

    class BetaBody(Body):
        kind: Literal["beta"]

    class EitherBody(Body):
        one: Annotated[AlphaBody | BetaBody, Field(discriminator="kind")]

    shapes = Shapes([Renamed(V3, (AlphaBody, BetaBody), was="type", now="kind")])
    with pytest.raises(ProgrammingError, match="EitherBody cannot have the shape of an older version: .*discriminator"):
        shapes.of(EitherBody)

"""Types of routes' functions: what is one value, which classes a type is made of, and what cannot be declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from fastapi import Body, Cookie, Form, Header, Path, Query
from pydantic import BaseModel

from api_base.interface.routes.single_values import one_value
from api_base.interface.routes.type_parts import classes_in
from api_base.interface.routes.unsupported import unsupported

Number = NewType("Number", int)


class Colour(Enum):
    RED = "red"


class LeafBody(BaseModel):
    colour: Colour


@dataclass(frozen=True)
class Inner:
    day: date
    leaves: list[LeafBody]


@dataclass(frozen=True)
class Outer:
    inner: Inner | None
    by_name: Mapping[str, "Outer"]


type Either = Inner | Decimal

ONE = [int, str, bytes, bool, UUID, datetime, Colour, Number, Literal["a", "b"], int | None, UUID | date, Annotated[int, Query()], Decimal]
NONE = [
    object,
    Any,
    None,
    type(None),
    list[int],
    Sequence[str],
    dict[str, int],
    tuple[int, ...],
    set[int],
    Outer,
    LeafBody,
    int | list[int],
]


@pytest.mark.parametrize(("hint", "one"), [*((hint, True) for hint in ONE), *((hint, False) for hint in NONE)], ids=str)
def test_a_value_of_the_query_is_of_one_of_these_types(hint: Any, one: bool) -> None:
    assert one_value(hint) is one


@pytest.mark.parametrize(
    ("hint", "classes"),
    [
        (int, {int}),
        (list[int] | None, {list, int, type(None)}),
        (Outer, {Outer, Inner, type(None), Mapping, str, date, list, LeafBody, Colour}),
        (LeafBody, {LeafBody, Colour}),
        (Either, {Inner, Decimal, date, list, LeafBody, Colour}),
    ],
)
def test_a_type_is_made_of_the_classes_of_its_fields_too(hint: Any, classes: set[type]) -> None:
    found = list(classes_in(hint))
    assert classes <= {*found}
    assert len(found) == len({*found}), "each once"


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        (Path(), "is no value of the path /things. Name it there, or remove Path"),
        (Body(), "is declared by Body. Take one pydantic model without it"),
        (Form(), "is not one value of the body, or a list of such values. Declare each member as a parameter"),
        (Query(), "is not one value of the query, or a list of such values. Declare each member as a parameter"),
        (Header(), "is not one value of the header. Declare each member as a parameter"),
        (Cookie(), "is not one value of the cookie. Declare each member as a parameter"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_cannot_be_declared_says_what_to_write(mark: Any, sentence: str) -> None:
    assert unsupported(dict[str, int], mark, "/things", of_route=True).startswith(sentence)

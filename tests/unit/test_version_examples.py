"""Examples of older versions: made by the changes, of what a body has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pytest

from api_base.core.errors import ProgrammingError
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.versions import Version
from api_base.interface.v1.bodies.base import Body
from api_base.interface.v1.bodies.money import Price
from api_base.interface.versioning import Change, FirstOf, Renamed, Replaced, Split
from api_base.interface.versioning.examples import older_example
from api_base.interface.versioning.shapes import Shapes

V3: Final = Version(3, released=date(2027, 1, 1))


class LineBody(Body):
    unit_price: Price


class OrderBody(Body):
    short_title: str
    due_on: date
    lines: list[LineBody]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDTO:
    short_title: str


SNAKE: Final = {"short_title": "A", "due_on": "2027-02-03", "lines": [{"unit_price": {"amount": "1.50", "currency": "EUR"}}]}
CAMEL: Final = {"shortTitle": "A", "dueOn": "2027-02-03", "lines": [{"unitPrice": {"amount": "1.50", "currency": "EUR"}}]}


def example(changes: list[Change], *, camel: bool = False, body: Mapping[str, Any] | None = None) -> Any:
    router = Router(prefix="/orders", rename="camel" if camel else None)
    options = RouteOptions(example={"body": body or (CAMEL if camel else SNAKE)})

    @router.post("", options, summary="Order")
    async def order(body: OrderBody) -> OrderDTO:
        return OrderDTO(short_title=body.short_title)

    return older_example(router.definitions[0], Shapes(changes))["body"]


def split(text: str) -> Mapping[str, str]:
    day, _, title = text.partition(" ")
    return {"due_on": day, "short_title": title}


def test_a_change_shows_the_values_that_a_body_has() -> None:
    joined = Split(
        V3,
        (OrderBody,),
        was="what",
        now=("due_on", "short_title"),
        split=split,
        joined=lambda due_on, short_title: f"{due_on:%d.%m.} {short_title}",
    )
    assert example([joined]) == {"what": "03.02. A", "lines": SNAKE["lines"]}
    year = Replaced(V3, (OrderBody,), was="year", now="due_on", type=int, show=lambda day: day.year, read=lambda year: date(year, 1, 1))
    assert example([year]) == {"short_title": "A", "year": 2027, "lines": SNAKE["lines"]}
    first = FirstOf(V3, (OrderBody,), was="line", now="lines", type=LineBody | None, read=lambda line: [line])
    price = Renamed(V3, (LineBody,), was="price", now="unit_price")
    assert example([first, price])["line"] == {"price": {"amount": "1.50", "currency": "EUR"}}


def test_names_of_clients_are_those_of_the_older_fields() -> None:
    changes: list[Change] = [
        Renamed(V3, (OrderBody,), was="long_title", now="short_title"),
        Renamed(V3, (LineBody,), was="base_price", now="unit_price"),
    ]
    assert example(changes, camel=True) == {
        "longTitle": "A",
        "dueOn": "2027-02-03",
        "lines": [{"basePrice": {"amount": "1.50", "currency": "EUR"}}],
    }


def test_a_change_that_cannot_show_an_example_is_named() -> None:
    wrong = Replaced(V3, (OrderBody,), was="year", now="due_on", type=int, show=lambda day: day["year"], read=lambda year: date(year, 1, 1))
    with pytest.raises(ProgrammingError, match=r"The change of due_on in version 3 cannot show the example .*2027-02-03.*TypeError"):
        example([wrong])


def test_an_example_that_its_route_refuses_is_named() -> None:
    change = Renamed(V3, (OrderBody,), was="title", now="short_title")
    with pytest.raises(ProgrammingError, match="POST /orders refuses the body of its own example: .*due_on"):
        example([change], body={"short_title": "A", "lines": []})

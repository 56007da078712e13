"""Rows of imports in older versions, whose fields had types of all kinds."""

from typing import Any, Final, Literal

import pytest

from api_base.application.common.importing.mapping import ColumnMapping, MappingRefused
from api_base.application.common.importing.report import reason_of
from api_base.application.common.importing.schema import ImportSchema
from api_base.application.common.resources.importing import ResourceRow
from api_base.core.errors import Invalid, ProgrammingError
from api_base.domain.common.value_objects import Money
from api_base.interface.graphql.types import Types
from api_base.interface.resource_imports import import_schema
from api_base.interface.v1.bodies.base import Body
from api_base.interface.v1.bodies.money import Price
from api_base.interface.versioning import Change, Renamed, Replaced
from api_base.interface.versioning.shapes import Shapes
from tests.gears import GEARS, OF, V3, Gear, GearDTO, cents

ROUTES: Final = GEARS.routes_of
ROW: Final = {"slug": "gear", "name": "A", "code": "B"}


class SizeBody(Body):
    width: int


def schema(*changes: Change) -> ImportSchema[ResourceRow]:
    return import_schema(Gear, "gears", "slug", *ROUTES.bodies, None, Shapes(changes))


def number(kind: Any, read: Any) -> ImportSchema[ResourceRow]:
    return schema(Replaced(V3, OF, was="size", now="number", type=kind, show=str, read=read))


@pytest.mark.parametrize(
    ("kind", "read", "cell", "found"),
    [
        (float, int, "1.5", 1),
        (float, int, 2.5, 2),
        (list[int], sum, "[1, 2]", 3),
        (list[int], sum, [1, 2], 3),
        (dict[str, int], len, '{"a": 1}', 1),
        (SizeBody, lambda size: size.width, '{"width": 7}', 7),
        (str, len, "four", 4),
        (Literal["one", "two"], lambda text: {"one": 1, "two": 2}[text], "two", 2),
        (bool, int, "yes", 1),
    ],
)
def test_a_cell_is_of_the_older_type(kind: Any, read: Any, cell: object, found: int) -> None:
    assert number(kind, read).row({**ROW, "size": cell}).values["number"] == found


@pytest.mark.parametrize(("kind", "cell"), [(float, "many"), (list[int], "1,2"), (SizeBody, '{"height": 7}'), (bool, "perhaps")])
def test_another_cell_is_refused_by_its_column(kind: Any, cell: str) -> None:
    with pytest.raises(Invalid) as raised:
        number(kind, int).row({**ROW, "size": cell})
    assert reason_of(raised.value).split()[0].startswith("size")


@pytest.mark.parametrize("cell", ['{"amount": "3.50", "currency": "EUR"}', {"amount": "3.50", "currency": "EUR"}])
def test_money_may_be_an_object_in_one_cell(cell: object) -> None:
    assert schema().row({**ROW, "price": cell}).values["price"] == Money.parse("3.50", "EUR", pointer="")


def test_a_constant_that_is_a_part_of_what_is_refused_is_named() -> None:
    older = schema(
        Replaced(V3, OF, was="cents", now="price", type=int | None, show=cents, read=lambda given: {"amount": "1" * 25, "currency": "EUR"})
    )
    with pytest.raises(MappingRefused, match="cents=12: must have at most 24 characters"):
        ColumnMapping.parse(older, ["slug=Id", "name=Name", "code=Code"], ["cents=12"])


def test_an_older_price_is_two_columns() -> None:
    older = schema(Replaced(V3, OF, was="net_price", now="price", type=Price | None, show=lambda price: price, read=lambda price: price))
    assert older.target_names[-2:] == ("net_price", "net_price_currency")
    row = older.row({**ROW, "net_price": "3.50", "net_price_currency": "EUR"})
    assert row.values["price"] == Money.parse("3.50", "EUR", pointer="")


def test_a_field_with_the_name_of_the_column_of_a_currency_is_refused() -> None:
    with pytest.raises(ProgrammingError, match="The import of gears would have two columns 'price_currency'"):
        schema(Renamed(V3, OF, was="price_currency", now="code"))


def test_a_body_of_ones_own_may_refuse_a_row_as_a_whole() -> None:
    error = schema().row({**ROW}).named(Invalid.of("", "value", "must be another one"))
    assert reason_of(error) == "must be another one"


def test_an_older_type_without_a_form_in_graphql_is_left_out() -> None:
    change = Replaced(V3, (GearDTO,), was="size", now="number", type=Literal["one", "two"], show=str)
    made = Types([], [change]).of(GearDTO)
    assert {"number", "size"} & {one.python_name for one in made.__strawberry_definition__.fields} == {"number"}

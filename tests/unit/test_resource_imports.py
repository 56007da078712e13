"""Rows of a file become plain resources: each type of field from its text, refused by name where it has none."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import pytest

from api_base.core.errors import Invalid
from api_base.core.types import TenantId
from api_base.domain.common.resource import Resource, entered
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import Money, SlugRule
from api_base.interface.resource_imports import import_schema
from api_base.interface.v1.bodies.resources import create_body, example_of, patch_body

ID = "0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10"


class Kind(StrEnum):
    GUIDE = "guide"
    NEWS = "news"


@dataclass(slots=True, kw_only=True, eq=False)
class Article(Resource):
    tenant_id: TenantId
    slug: Annotated[str, SlugRule()]
    title: Annotated[str, TextRule(max_length=20)]
    summary: Annotated[str | None, TextRule(max_length=20)] = None
    kind: Kind = Kind.GUIDE
    rank: int = 0
    pinned: bool = False
    due_on: date | None = None
    shown_at: datetime | None = None
    author: UUID | None = None
    price: Money | None = None


SCHEMA = import_schema(Article, "articles", "slug", create_body(Article), patch_body(Article))
NAMED = {"slug": "first-steps", "title": "First steps"}


def values(**cells: object) -> dict[str, Any]:
    """The values of a row beside those of `NAMED`."""
    row = SCHEMA.row({**NAMED, **cells})
    assert row.key == "first-steps"
    return {name: value for name, value in row.values.items() if name not in NAMED}


def test_fields_are_targets() -> None:
    assert SCHEMA.target_names == (
        "slug", "title", "summary", "kind", "rank", "pinned", "due_on", "shown_at", "author", "price", "price_currency",
    )  # fmt: skip
    assert [one.name for one in SCHEMA.targets if one.required] == ["slug", "title"]


@pytest.mark.parametrize(
    ("target", "cell", "value"),
    [
        ("summary", " a ", " a "),
        ("kind", "news", Kind.NEWS),
        ("rank", "7", 7),
        ("rank", " -7 ", -7),
        ("rank", 7, 7),
        ("pinned", "true", True),
        ("pinned", "Yes", True),
        ("pinned", "0", False),
        ("pinned", True, True),
        ("due_on", "2026-01-31", date(2026, 1, 31)),
        ("shown_at", "2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("author", ID, UUID(ID)),
    ],
)
def test_each_type_is_read_from_its_text(target: str, cell: object, value: object) -> None:
    assert values(**{target: cell}) == {target: value}


def test_money_has_its_currency_beside_it_or_is_an_object() -> None:
    euros = {"price": Money.parse("12.50", "EUR")}
    assert values(price="12.5", price_currency="EUR") == euros
    assert values(price={"amount": "12.50", "currency": "EUR"}) == euros
    assert refused(price="12.5") == [("/price_currency", "is needed with an amount")]


def test_an_empty_cell_is_null_or_changes_nothing() -> None:
    assert values(summary="", due_on="", price="", price_currency="") == {"summary": None, "due_on": None, "price": None}
    assert values(rank="", pinned=" ", kind="") == {}
    assert values() == {}
    assert values(summary=None, rank=None, price=None, price_currency=None) == {}


def refused(**cells: object) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        SCHEMA.row({**NAMED, **cells})
    return [(one.pointer, one.message) for one in error.value.violations]


@pytest.mark.parametrize(
    ("target", "cell"),
    [
        ("slug", "First Steps"),
        ("slug", ""),
        ("title", ""),
        ("title", "x" * 21),
        ("title", ["a"]),
        ("title", True),
        ("kind", "poem"),
        ("rank", "1.5"),
        ("rank", "1e9999999"),
        ("rank", "9" * 20),
        ("pinned", "perhaps"),
        ("due_on", "31.01.2026"),
        ("shown_at", "2026-01-31T12:00:00"),
        ("author", "ana"),
        ("price", "much"),
    ],
)
def test_what_a_field_does_not_accept_is_refused_by_its_name(target: str, cell: object) -> None:
    (found,) = refused(**{target: cell, "price_currency": "EUR"})
    assert found[0].startswith(f"/{target}")
    assert found[1]


def test_all_faults_of_a_row_are_named() -> None:
    assert [pointer for pointer, _ in refused(rank="x", due_on="x", kind="x")] == ["/kind", "/rank", "/due_on"]


def test_the_example_of_the_documentation_is_accepted() -> None:
    sent = example_of(Article)
    assert set(sent) == set(NAMED)
    assert entered(Article, create_body(Article).model_validate(sent).values()) == sent


def test_constants_are_checked_before_any_row() -> None:
    SCHEMA.check_constants({"kind": "news", "price": "12.50", "title": "Same"})
    with pytest.raises(Invalid) as error:
        SCHEMA.check_constants({"kind": "poem"})
    assert [one.pointer for one in error.value.violations] == ["/kind"]


RENAMED = import_schema(Article, "articles", "slug", create_body(Article), patch_body(Article), "camel")


def test_columns_have_the_names_that_clients_see() -> None:
    assert RENAMED.target_names == (
        "slug", "title", "summary", "kind", "rank", "pinned", "dueOn", "shownAt", "author", "price", "priceCurrency",
    )  # fmt: skip
    row = RENAMED.row({**NAMED, "dueOn": "2026-03-01", "price": "3.50", "priceCurrency": "EUR"})
    assert (row.values["due_on"], row.values["price"]) == (date(2026, 3, 1), Money.parse("3.50", "EUR"))


@pytest.mark.parametrize(
    ("cells", "pointer"),
    [
        ({"dueOn": "soon"}, "/dueOn"),
        ({"shownAt": "yesterday"}, "/shownAt"),
        ({"price": "3.50"}, "/priceCurrency"),
        ({"dueOn": True}, "/dueOn"),
        ({"price": "3.50", "priceCurrency": "euro"}, "/price/currency"),
    ],
)
def test_what_is_refused_is_named_as_clients_see_it(cells: dict[str, object], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        RENAMED.row({**NAMED, **cells})
    assert [one.pointer for one in refused.value.violations] == [pointer]
    if isinstance(cells.get("dueOn"), str):
        with pytest.raises(Invalid) as refused:
            RENAMED.check_constants({"dueOn": "soon"})
        assert [one.pointer for one in refused.value.violations] == [pointer]


def test_names_of_python_are_no_columns_then() -> None:
    assert not RENAMED.accepts("due_on")
    assert "due_on" not in RENAMED.row({**NAMED, "due_on": "soon"}).values

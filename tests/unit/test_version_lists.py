"""Lists of older versions whose fields are those of classes within what they list."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import pytest

from api_base.application.common.listing import EQUALITY, Field, Fields, ListRequest, Sort
from api_base.core.errors import Invalid
from api_base.interface.listing import list_request
from api_base.interface.routes import ListQuery
from api_base.interface.routes.versions import Version
from api_base.interface.versioning import EnumChanged, Renamed, Split
from api_base.interface.versioning.lists import listed_changes, older_list
from api_base.interface.versioning.shapes import Shapes

V3: Final = Version(3, released=date(2027, 1, 1))
V4: Final = Version(4, released=date(2028, 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDTO:
    city: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorDTO:
    name: str
    level: str
    place: PlaceDTO | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDTO:
    title: str
    author: AuthorDTO


CHANGES: Final = (
    Renamed(V4, (AuthorDTO,), was="label", now="name"),
    EnumChanged(V4, (AuthorDTO,), name="level", type=str, values={"high": "major", "urgent": "major"}),
    Renamed(V4, (BookDTO,), was="writer", now="author"),
    Split(
        V3,
        (PlaceDTO,),
        was="where",
        now=("city", "country"),
        split=lambda text: dict(zip(("city", "country"), text.split(", "), strict=True)),
        joined=lambda city, country: f"{city}, {country}",
    ),
    Renamed(V3, (PlaceDTO,), was="at", now="where"),
)
NAMES: Final = ("title", "author.name", "author.level", "author.place.city", "author.place.country")
FIELDS: Final = Fields(*(Field(name=name, kind=str, operators=EQUALITY, sortable=True) for name in NAMES), default_sort=())


def asked(query: str) -> ListRequest:
    """What a query of version 2 asks for in the newest one."""
    listing = older_list(ListQuery(FIELDS), [*listed_changes(BookDTO, Shapes(CHANGES).changes_of)])
    request = list_request(query.encode(), listing.fields)
    assert listing.newest is not None
    return listing.newest(request)


def test_the_fields_have_the_older_names() -> None:
    listing = older_list(ListQuery(FIELDS), [*listed_changes(BookDTO, Shapes(CHANGES).changes_of)])
    assert listing.fields.names == ["title", "writer.label", "writer.level", "writer.place.at"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("writer.label=Ann", "author.name eq Ann"),
        ("writer.level=major", "author.level in ('high', 'urgent', 'major')"),
        ("title=Lamps", "title eq Lamps"),
    ],
)
def test_filters_follow_the_classes_within(query: str, found: str) -> None:
    one = asked(query).specification
    assert f"{one.field} {one.operator.value} {one.value}" == found


def test_a_split_within_compares_all_of_its_fields() -> None:
    request = asked("writer.place.at=Porto, PT")
    assert request.filtered == {"author.place.city", "author.place.country"}


def test_sorts_follow_the_classes_within() -> None:
    assert asked("sort=-writer.place.at,writer.label").sort == (
        Sort(field="author.place.city", descending=True),
        Sort(field="author.place.country", descending=True),
        Sort(field="author.name"),
    )


@pytest.mark.parametrize("query", ["writer.place.at=nowhere", "author.name=Ann", "writer.place.where=Porto, PT"])
def test_what_is_refused_has_the_name_that_was_sent(query: str) -> None:
    with pytest.raises(Invalid) as raised:
        asked(query)
    assert [one.pointer for one in raised.value.violations] == [f"/query/{query.partition('=')[0]}"]

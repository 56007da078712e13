"""A resource with a history: names that moved to other fields, values of an enumeration that older clients do not know, texts that became fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from api_base.application.common.money import MoneyDTO
from api_base.application.common.resources import ResourceDTO
from api_base.bootstrap.crud import Crud, crud
from api_base.core.types import TenantId
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import Money, SlugRule
from api_base.interface.routes.versions import Version
from api_base.interface.versioning import Change, EnumChanged, Renamed, Replaced, Split

V3: Final = Version(3, released=date(2027, 1, 1))
V4: Final = Version(4, released=date(2028, 1, 1))
V5: Final = Version(5, released=date(2029, 1, 1))


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"


class OlderLevel(StrEnum):
    LOW = "low"
    HIGH = "high"


class OldestLevel(StrEnum):
    MINOR = "minor"
    HIGH = "high"


@dataclass(slots=True, kw_only=True, eq=False)
class Gear(RestorableResource):
    tenant_id: TenantId
    slug: Annotated[str, SlugRule()]
    name: Annotated[str, TextRule(max_length=20)]
    code: Annotated[str, TextRule(max_length=20)]
    alpha: Annotated[str, TextRule(max_length=20)] = "a"
    beta: Annotated[str, TextRule(max_length=20)] = "b"
    level: Level | None = None
    due_on: date = date(2020, 1, 1)
    number: int = 0
    price: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GearDTO(ResourceDTO):
    slug: str
    name: str
    code: str
    alpha: str
    beta: str
    level: Level | None
    due_on: date
    number: int
    price: MoneyDTO | None


_FIELDS: Final = ("slug", "name", "code", "alpha", "beta", "level", "due_on", "number")
GEARS: Crud[Gear, GearDTO] = crud(Gear, GearDTO, name="gears", filters=_FIELDS, sorts=_FIELDS, key="slug", imports=True)
OF: Final = (GearDTO, *GEARS.routes_of.bodies)


def split(when: str) -> Mapping[str, Any]:
    day, found, number = when.partition(" x ")
    if not found:
        raise ValueError("must be a day and a number, such as 2027-02-03 x 4")
    return {"due_on": day, "number": number}


def joined(due_on: date, number: int) -> str:
    return f"{due_on:%Y-%m-%d} x {number}"


def cents(price: Any) -> int | None:
    return None if price is None else int(price.amount.replace(".", ""))


def euros(cents: int | None) -> Mapping[str, str] | None:
    if cents is not None and cents < 0:
        raise ValueError("must not be negative")
    return None if cents is None else {"amount": f"{cents / 100:.2f}", "currency": "EUR"}


CHANGES: Final[Sequence[Change]] = (
    EnumChanged(V5, OF, name="level", type=OlderLevel, values={"urgent": "high"}),
    Renamed(V5, OF, was="key", now="slug"),
    Renamed(V4, OF, was="label", now="name"),
    Renamed(V4, OF, was="tmp", now="alpha"),
    Renamed(V4, OF, was="alpha", now="beta"),
    Renamed(V4, OF, was="beta", now="tmp"),
    Renamed(V4, OF, was="lvl", now="level"),
    Replaced(V4, OF, was="cents", now="price", type=int | None, show=cents, read=euros),
    Renamed(V3, OF, was="name", now="code"),
    EnumChanged(V3, OF, name="lvl", type=OldestLevel, values={"low": "minor"}),
    Split(V4, OF, was="moment", now=("due_on", "number"), split=split, joined=joined),
    Renamed(V3, OF, was="at", now="moment"),
)
SHOWN: Final = {
    5: ("slug", "name", "code", "alpha", "beta", "level", "due_on", "number", "price"),
    4: ("key", "name", "code", "alpha", "beta", "level", "due_on", "number", "price"),
    3: ("key", "label", "code", "beta", "alpha", "lvl", "moment", "cents"),
    2: ("key", "label", "name", "beta", "alpha", "lvl", "at", "cents"),
}
"""The fields of a gear in each version, in the order of the newest ones that they became."""
NEWEST: Final = {
    "slug": "g-1",
    "name": "Wheel",
    "code": "W1",
    "alpha": "first",
    "beta": "second",
    "level": "urgent",
    "due_on": "2027-02-03",
    "number": 4,
    "price": {"amount": "12.50", "currency": "EUR"},
}


def of_version(number: int, **changed: Any) -> dict[str, Any]:
    """A gear as a version shows it."""
    newest = NEWEST | changed
    values = list(newest.values())
    if number < 5:
        values[5] = "high" if values[5] == "urgent" else values[5]
    if number < 4:
        price = values[8]
        values[6:] = [f"{values[6]} x {values[7]}", None if price is None else int(price["amount"].replace(".", ""))]
    if number < 3:
        values[5] = "minor" if values[5] == "low" else values[5]
    return dict(zip(SHOWN[number], values, strict=True))

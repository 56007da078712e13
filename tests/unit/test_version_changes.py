"""Mistakes in a change of values, which are found at the start."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest

from api_base.interface.routes.versions import Version
from api_base.interface.versioning import Change, EnumChanged, Replaced, Split


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"


class Older(StrEnum):
    MINOR = "minor"
    MAJOR = "major"


V3 = Version(3, released=date(2027, 1, 1))
EACH = {"low": "minor", "high": "major", "urgent": "major"}


@pytest.mark.parametrize(
    ("now", "before", "values", "mistake"),
    [
        (Level, Older, EACH, None),
        (Level | None, Older, EACH, None),
        (Annotated[Level, "with a note"], Older, EACH, None),
        (Literal["low", "high"], Literal["low", "major"], {"high": "major"}, None),
        (str, Older, {"anything": "minor"}, None),
        (Level, str, {"low": "anything"}, None),
        (Level, Older, {**EACH, "lwo": "minor"}, "maps 'lwo', but its values since then are low, high, urgent"),
        (Level, Older, {**EACH, "low": "mniro"}, "maps a value to 'mniro', but its values before are minor, major"),
        (Level | None, Older, {"low": "minor", "high": "major"}, "maps 'urgent' to none of its values before, which are minor, major"),
        (int, Older, EACH, "is of an Enum, a Literal or a text, and the field is none of them; use Replaced"),
    ],
)
def test_values_are_compared_with_the_types(now: Any, before: Any, values: dict[str, str], mistake: str | None) -> None:
    change = EnumChanged(V3, (object,), name="level", type=before, values=values)
    assert change.mistake({"level": now}) == mistake


PLACE: dict[str, Any] = {"was": "place", "now": ("city", "country")}


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (Split(V3, (object,), **PLACE, split=dict, joined="{city}".format), None),
        (Split(V3, (object,), **PLACE, split=lambda city, country: {}, joined=dict), "has a split that does not take one text"),
        (Split(V3, (object,), **PLACE, split=dict, joined=lambda city: city), "has a joined that does not take city and country by name"),
        (Replaced(V3, (object,), was="a", now="b", type=int, show=int), None),
        (Replaced(V3, (object,), was="a", now="b", type=int, show=int, read=lambda a, b: a), "has a read that does not take one value"),
        (Replaced(V3, (object,), was="a", now="b", type=int, show=lambda: 1, read=str), "has a show that does not take one value"),
    ],
)
def test_functions_take_what_they_are_called_with(change: Change, mistake: str | None) -> None:
    assert change.mistake({}) == mistake

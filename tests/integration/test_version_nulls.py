"""Older versions of fields that may be null, and of values that an older client may send and no newer one has."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

import pytest
import pytest_asyncio

from api_base.application.common.resources import ResourceDTO
from api_base.bootstrap.crud import Crud, crud
from api_base.core.types import TenantId
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes.versions import Version
from api_base.interface.versioning import EnumChanged, Renamed, Replaced, Split
from tests.application import Running
from tests.articles import Desk, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

V3: Final = Version(3, released=date(2027, 1, 1))
V4: Final = Version(4, released=date(2028, 1, 1))


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"


class OlderLevel(StrEnum):
    MINOR = "minor"
    MAJOR = "major"


@dataclass(slots=True, kw_only=True, eq=False)
class Visit(RestorableResource):
    tenant_id: TenantId
    title: Annotated[str, TextRule(max_length=40)]
    level: Level | None = None
    given: Annotated[str, TextRule(max_length=20)] | None = None
    family: Annotated[str, TextRule(max_length=20)] | None = None
    minutes: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitDTO(ResourceDTO):
    title: str
    level: Level | None
    given: str | None
    family: str | None
    minutes: int


VISITS: Crud[Visit, VisitDTO] = crud(
    Visit, VisitDTO, name="visits", filters=("title", "level", "given", "family"), sorts=("title", "level", "given", "family")
)


def split(name: str) -> Mapping[str, str]:
    given, _, family = name.partition(" ")
    return {"given": given, "family": family}


def minutes(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("must be a whole number")
    return int(text)


OF: Final = (VisitDTO, *VISITS.routes_of.bodies)
CHANGES: Final = (
    EnumChanged(V4, OF, name="level", type=OlderLevel, values={"low": "minor", "high": "major", "urgent": "major"}),
    Renamed(V3, OF, was="urgency", now="level"),
    Split(V3, OF, was="name", now=("given", "family"), split=split, joined=lambda given, family: f"{given} {family}"),
    Replaced(V3, OF, was="time", now="minutes", type=str, show=str, read=minutes),
)
LEVELS: Final = ("low", "high", "urgent", None, "low", None, "high")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("visits")
    async with serving(shared_migrated, folder, [replace(VISITS.context(migrations=folder / "visits"), changes=CHANGES)]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def old(api: Running) -> Desk:
    """A client of version 2, in a tenant of its own."""
    return Desk(api, await api.person(), "/api/v2/visits")


@pytest_asyncio.fixture(loop_scope="module")
async def stored(old: Desk) -> Desk:
    """The same person as a client of the newest version, who has written a visit of each of `LEVELS`, every second one without a name."""
    new = replace(old, path="/api/v4/visits")
    for number, level in enumerate(LEVELS):
        name = {"given": "Ana", "family": "Reis"} if number % 2 else {}
        answer = await new.send("POST", json={"title": f"v{number}", "level": level, **name})
        assert answer.status_code == 201, answer.text
    return new


@pytest.mark.parametrize(("version", "field"), [(2, "urgency"), (3, "level")])
async def test_null_is_last_in_both_directions(old: Desk, stored: Desk, version: int, field: str) -> None:
    desk = replace(old, path=f"/api/v{version}/visits")
    assert [one[field] for one in await desk.rows(sort=field, limit="2")] == [*["major"] * 3, *["minor"] * 2, None, None]
    assert [one[field] for one in await desk.rows(sort=f"-{field}", limit="2")] == [*["minor"] * 2, *["major"] * 3, None, None]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("urgency=major", ["v1", "v2", "v6"]),
        ("urgency[ne]=major", ["v0", "v4"]),
        ("urgency[in]=minor,major", ["v0", "v1", "v2", "v4", "v6"]),
        ("urgency[is_null]=true", ["v3", "v5"]),
        ("name=Ana Reis", ["v1", "v3", "v5"]),
    ],
)
async def test_filters_find_no_null(old: Desk, stored: Desk, query: str, found: list[str]) -> None:
    answer = await old.send("GET", f"?{query}")
    assert sorted(one["title"] for one in answer.json()["items"]) == found, answer.text


async def test_a_text_is_null_where_all_its_parts_are(old: Desk) -> None:
    created = await old.send("POST", json={"title": "v", "time": "45"})
    path = f"/{created.json()['id']}"
    assert (created.status_code, created.json()["name"]) == (201, None)
    for name in ("Ana Reis", None):
        changed = await old.send("PATCH", path, headers={"If-Match": "*"}, json={"name": name})
        assert (changed.status_code, changed.json()["name"]) == (200, name), changed.text
    exported = await old.send("GET", "?fields=name,time", headers={"Accept": "text/csv"})
    assert list(csv.DictReader(io.StringIO(exported.text))) == [{"_row": "1", "name": "", "time": "45"}]


async def test_what_is_read_of_a_value_may_refuse_it(old: Desk) -> None:
    refused = await old.send("POST", json={"title": "v", "time": "soon"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/body/time"), refused.text


async def test_the_document_says_what_may_be_null(api: Running, old: Desk) -> None:
    schemas = (await api.client.get("/openapi/v2.json")).json()["components"]["schemas"]
    assert schemas["CreateVisitBody"]["properties"]["name"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Name"}

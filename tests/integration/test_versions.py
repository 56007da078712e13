"""Older versions of the API: a field that was renamed, one that was split and one with other values, in every place where a client meets them."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import Sort
from api_base.application.common.resources import ResourceDTO
from api_base.application.items.dtos import ItemDTO
from api_base.bootstrap.application import create_app
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.crud import Crud, crud
from api_base.bootstrap.services import build
from api_base.core.errors import WiringError
from api_base.core.types import TenantId
from api_base.domain.common.resource import RestorableResource
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import SlugRule
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.versions import Version
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody
from api_base.interface.versioning import EnumChanged, Renamed, Replaced, Split
from tests.application import Running
from tests.articles import Desk, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

V3: Final = Version(3, released=date(2027, 1, 1))
V4: Final = Version(4, released=date(2028, 1, 1))


class Priority(StrEnum):
    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"


class OlderPriority(StrEnum):
    MINOR = "minor"
    MAJOR = "major"


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket(RestorableResource):
    tenant_id: TenantId
    title: Annotated[str, TextRule(max_length=20)]
    priority: Priority = Priority.LOW
    city: Annotated[str, TextRule(max_length=20)]
    country: Annotated[str, TextRule(max_length=2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDTO(ResourceDTO):
    title: str
    priority: Priority
    city: str
    country: str


TICKETS: Crud[Ticket, CaseDTO] = crud(
    Ticket, CaseDTO, name="tickets", filters=("title", "priority", "city", "country"), sorts=("title", "priority", "city", "country")
)


def split(place: str) -> Mapping[str, str]:
    city, comma, country = place.rpartition(", ")
    if not comma:
        raise ValueError("must be a city and a country, such as Porto, PT")
    return {"city": city, "country": country}


OF: Final = (CaseDTO, *TICKETS.routes_of.bodies)
CHANGES: Final = (
    Renamed(V4, OF, was="headline", now="title"),
    EnumChanged(V4, OF, name="priority", type=OlderPriority, values={"low": "minor", "high": "major", "urgent": "major"}),
    Split(V3, OF, was="place", now=("city", "country"), split=split, joined=lambda city, country: f"{city}, {country}"),
)


@dataclass(slots=True, kw_only=True, eq=False)
class Chore(RestorableResource):
    tenant_id: TenantId
    reference_slug: Annotated[str, SlugRule()]
    short_title: Annotated[str, TextRule(max_length=20)]
    due_place: Annotated[str, TextRule(max_length=20)]
    due_country: Annotated[str, TextRule(max_length=2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoreDTO(ResourceDTO):
    reference_slug: str
    short_title: str
    due_place: str
    due_country: str


CHORES: Crud[Chore, ChoreDTO] = crud(
    Chore,
    ChoreDTO,
    name="chores",
    filters=("short_title", "due_place", "due_country"),
    sorts=("short_title",),
    rename="camel",
    key="reference_slug",
)


def divided(text: str) -> Mapping[str, str]:
    found = split(text)
    return {"due_place": found["city"], "due_country": found["country"]}


CHORE: Final = (ChoreDTO, *CHORES.routes_of.bodies)
CHORE_CHANGES: Final = (
    Renamed(V3, CHORE, was="long_title", now="short_title"),
    Renamed(V4, CHORE, was="old_slug", now="reference_slug"),
    Split(
        V3,
        CHORE,
        was="due_where",
        now=("due_place", "due_country"),
        split=divided,
        joined=lambda due_place, due_country: f"{due_place}, {due_country}",
    ),
)
LABELS: Final = Context(name="labels", changes=(Renamed(V4, (ItemDTO, CreateItemBody, PatchItemBody), was="label", now="name"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoDTO:
    text: str


def echoes(bus: Bus) -> Router:
    del bus
    router = Router(prefix="/echoes", tags=["echoes"])

    @router.get("/old", RouteOptions(auth="optional", removed_in=V3), summary="Echo as before")
    async def echo_as_before() -> EchoDTO:
        return EchoDTO(text="old")

    @router.get("/new", RouteOptions(auth="optional", since=V4), summary="Echo")
    async def echo() -> EchoDTO:
        return EchoDTO(text="new")

    return router


ECHOES: Final = Context(name="echoes", routes=echoes)
NEWEST: Final = {"title": "Broken lamp", "priority": "urgent", "city": "Porto", "country": "PT"}
OLDEST: Final = {"headline": "Broken lamp", "priority": "major", "place": "Porto, PT"}
RESOURCE: Final = {"id", "version", "created_at", "updated_at", "deleted_at"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("tickets")
    contexts = [
        replace(TICKETS.context(migrations=folder / "tickets"), changes=CHANGES),
        replace(CHORES.context(migrations=folder / "chores"), changes=CHORE_CHANGES),
    ]
    async with serving(shared_migrated, folder, contexts, [LABELS, ECHOES]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def old(api: Running) -> Desk:
    """A client of version 2, in a tenant of its own."""
    return Desk(api, await api.person(), "/api/v2/tickets")


@pytest.fixture
def new(old: Desk) -> Desk:
    """The same person as a client of the newest version."""
    return replace(old, path="/api/v4/tickets")


def shown(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name not in RESOURCE}


async def written(desk: Desk, **values: Any) -> str:
    answer = await desk.send("POST", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_each_version_has_its_shape(old: Desk, new: Desk) -> None:
    path = f"/{await written(new, **NEWEST)}"
    middle = replace(old, path="/api/v3/tickets")
    assert shown(await new.send("GET", path)) == NEWEST
    assert shown(await middle.send("GET", path)) == {"headline": "Broken lamp", "priority": "major", "city": "Porto", "country": "PT"}
    assert shown(await old.send("GET", path)) == OLDEST
    assert list((await old.send("GET", path)).json()) == ["id", "version", "created_at", "updated_at", "headline", "priority", "place"]
    listed = await old.send("GET")
    assert [{name: one[name] for name in OLDEST} for one in listed.json()["items"]] == [OLDEST]


async def test_what_an_older_client_writes_is_stored_in_the_newest_shape(old: Desk, new: Desk) -> None:
    created = await old.send("POST", json=OLDEST)
    assert (created.status_code, shown(created)) == (201, OLDEST), created.text
    assert created.headers["location"] == f"/api/v2/tickets/{created.json()['id']}"
    assert shown(await new.send("GET", f"/{created.json()['id']}")) == {**NEWEST, "priority": "high"}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({"headline": "Lamp"}, {"title": "Lamp"}),
        ({"priority": "minor"}, {"priority": "low"}),
        ({"place": "Bonn, DE"}, {"city": "Bonn", "country": "DE"}),
        ({}, {}),
    ],
)
async def test_a_merge_patch_changes_what_it_names(old: Desk, new: Desk, patch: dict[str, str], changed: dict[str, str]) -> None:
    path = f"/{await written(new, **NEWEST)}"
    answer = await old.send("PATCH", path, headers={"If-Match": "*"}, json=patch)
    assert (answer.status_code, shown(answer)) == (200, {**OLDEST, **patch}), answer.text
    assert shown(await new.send("GET", path)) == {**NEWEST, **changed}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("headline=Lamp", "b"),
        ("headline[contains]=am", "ab"),
        ("priority=major", "bc"),
        ("priority[ne]=major", "a"),
        ("priority[in]=minor,major", "abc"),
        ("place=Porto%2C PT", "ac"),
        ("place=Porto%2C PT&priority=major", "c"),
        ("sort=headline", "abc"),
        ("sort=-headline", "cba"),
        ("sort=place,headline", "bac"),
        ("sort=-place,-headline", "cab"),
        ("sort=priority,headline", "bca"),
        ("sort=-priority,headline", "abc"),
    ],
)
async def test_lists_are_filtered_and_sorted_by_the_older_fields(old: Desk, new: Desk, query: str, found: str) -> None:
    await written(new, title="Bulb, camp", priority="low", city="Porto", country="PT")
    await written(new, title="Lamp", priority="high", city="Bonn", country="DE")
    await written(new, title="Wire", priority="urgent", city="Porto", country="PT")
    answer = await old.send("GET", f"?{query}")
    assert answer.status_code == 200, answer.text
    letters = {"Bulb, camp": "a", "Lamp": "b", "Wire": "c"}
    names = [letters[one["headline"]] for one in answer.json()["items"]]
    assert ("".join(names) if "sort" in query else "".join(sorted(names))) == found


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("title=Lamp", "/query/title"),
        ("city=Porto", "/query/city"),
        ("priority=urgent", "/query/priority"),
        ("place[contains]=Porto", "/query/place[contains]"),
        ("place=Porto", "/query/place"),
        ("sort=title", "/query/sort"),
        ("fields=headline,title", "/query/fields"),
    ],
)
async def test_an_older_client_is_told_of_the_older_fields(old: Desk, query: str, pointer: str) -> None:
    answer = await old.send("GET", f"?{query}")
    assert answer.status_code == 422
    (violation,) = answer.json()["errors"]
    assert violation["pointer"] == pointer
    advice = violation["message"].partition("allowed are")[2]
    assert not [name for name in ("title", "city", "country", "urgent") if name in advice]


async def test_the_content_of_query_has_the_older_names(old: Desk, new: Desk) -> None:
    await written(new, **NEWEST)
    found = await old.send("QUERY", json={"priority": {"in": ["major"]}, "sort": ["place"], "fields": ["headline", "place"]})
    assert found.json()["items"] == [{"headline": "Broken lamp", "place": "Porto, PT"}], found.text
    refused = await old.send("QUERY", json={"place": "Porto"})
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/body/place"]


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"headline": "x" * 21}, "/body/headline"),
        ({"headline": "\u202e"}, "/body/headline"),
        ({"priority": "urgent"}, "/body/priority"),
        ({"place": "Porto"}, "/body/place"),
        ({"place": "Porto, PRT"}, "/body/place"),
        ({"title": "Lamp"}, "/body/title"),
    ],
)
async def test_a_refusal_points_into_the_older_body(old: Desk, values: dict[str, str], pointer: str) -> None:
    created = await old.send("POST", json={**OLDEST, **values})
    assert (created.status_code, [one["pointer"] for one in created.json()["errors"]]) == (422, [pointer]), created.text
    path = f"/{await written(old, **OLDEST)}"
    changed = await old.send("PATCH", path, headers={"If-Match": "*"}, json=values)
    assert (changed.status_code, [one["pointer"] for one in changed.json()["errors"]]) == (422, [pointer]), changed.text
    assert shown(await old.send("GET", path)) == OLDEST


async def test_the_elements_of_a_batch_have_the_older_names(old: Desk) -> None:
    items, item = replace(old, path="/api/v2/items"), {"sku": "LAMP-1", "category": "light"}
    create = {"action": "create", "item": {**item, "label": "Lamp"}}
    made = await items.send(
        "POST", "/batch", json={"mode": "independent", "operations": [create, {**create, "item": {**item, "label": "\u202e"}}]}
    )
    first, second = made.json()["results"]
    assert (first["status"], first["item"]["label"], "name" in first["item"]) == (201, "Lamp", False), made.text
    assert [one["pointer"] for one in second["problem"]["errors"]] == ["/body/operations/1/item/label"]
    changes = {"action": "update", "id": first["item"]["id"], "changes": {"label": "Bulb"}}
    changed = await items.send("POST", "/batch", json={"mode": "atomic", "operations": [changes]})
    assert changed.json()["results"][0]["item"]["label"] == "Bulb"
    wrong = await items.send("POST", "/batch", json={"mode": "atomic", "operations": [{**changes, "changes": {"label": "\u202e"}}]})
    assert [one["pointer"] for one in wrong.json()["errors"]] == ["/body/operations/0/changes/label"], wrong.text


async def test_a_renaming_router_renames_the_older_fields(old: Desk) -> None:
    chores = replace(old, path="/api/v2/chores")
    sent = {"oldSlug": "lamp", "longTitle": "Lamp", "dueWhere": "Porto, PT"}
    made = await chores.send("POST", json=sent)
    assert (made.status_code, {name: made.json()[name] for name in sent}) == (201, sent), made.text
    assert made.headers["location"] == "/api/v2/chores/lamp"
    newest = await replace(old, path="/api/v4/chores").send("GET", "/lamp")
    assert (newest.json()["shortTitle"], newest.json()["duePlace"], newest.json()["dueCountry"]) == ("Lamp", "Porto", "PT")
    listed = await chores.send("GET", "?dueWhere=Porto%2C PT&sort=longTitle&fields=dueWhere")
    assert listed.json()["items"] == [{"dueWhere": "Porto, PT"}], listed.text
    refused = await chores.send("GET", "?dueWhere=Porto")
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/query/dueWhere"]
    wrong = await chores.send("POST", json={**sent, "longTitle": "x" * 21})
    assert [one["pointer"] for one in wrong.json()["errors"]] == ["/body/longTitle"]
    place = await chores.send("POST", json={**sent, "dueWhere": "Porto"})
    assert [one["pointer"] for one in place.json()["errors"]] == ["/body/dueWhere"]


@pytest.mark.parametrize("sort", ["priority,headline", "-priority,headline", "priority", "-priority"])
async def test_pages_ordered_by_older_values_have_each_row_once(old: Desk, new: Desk, sort: str) -> None:
    for number in range(9):
        await written(new, title=f"Lamp {number}", priority=list(Priority)[number % 3], city="Porto", country="PT")
    whole = [one["headline"] for one in await old.rows(sort=sort)]
    rows = await old.rows(sort=sort, limit="2")
    paged, priorities = [one["headline"] for one in rows], [one["priority"] for one in rows]
    assert (paged, sorted(paged)) == (whole, [f"Lamp {number}" for number in range(9)])
    assert priorities == sorted(priorities, reverse=sort.startswith("-"))


async def test_orders_by_older_values_apply_one_after_the_other() -> None:
    """The still older version has one value in the place of two, of which a later one made three."""
    to_oldest = EnumChanged(V3, OF, name="priority", type=str, values={"minor": "any", "major": "any", "none": "unknown"})
    (first,) = to_oldest.sorts(Sort(field="priority", descending=True))
    (second,) = CHANGES[1].sorts(first)
    assert (second.field, second.descending) == ("priority", True)
    assert {name: dict(second.shown)[name] for name in ("low", "high", "urgent", "none")} == {
        "low": "any", "high": "any", "urgent": "any", "none": "unknown",
    }  # fmt: skip


async def test_a_cursor_is_of_one_version(old: Desk, new: Desk) -> None:
    for number in range(3):
        await written(new, **{**NEWEST, "title": f"Lamp {number}"})
    first = await old.send("GET", "?limit=2&sort=headline")
    cursor = first.json()["next_cursor"]
    rest = await old.send("GET", "?sort=headline", headers={}, params={"cursor": cursor, "sort": "headline"})
    assert [one["headline"] for one in rest.json()["items"]] == ["Lamp 2"]
    foreign = await new.send("GET", params={"cursor": cursor, "sort": "title"})
    assert (foreign.status_code, [one["pointer"] for one in foreign.json()["errors"]]) == (422, ["/query/cursor"])


@pytest.mark.parametrize("media_type", ["text/csv", "application/jsonl"])
async def test_an_export_has_the_older_columns(old: Desk, new: Desk, media_type: str) -> None:
    await written(new, **NEWEST)
    answer = await old.send("GET", "?fields=headline,priority,place", headers={"Accept": media_type})
    assert answer.status_code == 200, answer.text
    assert answer.headers["deprecation"]
    if media_type == "text/csv":
        assert list(csv.DictReader(io.StringIO(answer.text))) == [{"_row": "1", **OLDEST}]
    else:
        assert answer.text == '{"headline":"Broken lamp","priority":"major","place":"Porto, PT"}\n'


async def test_conditions_compare_versions_of_the_resource_and_caches_those_of_the_api(old: Desk, new: Desk) -> None:
    path = f"/{await written(new, **NEWEST)}"
    read, newer = await old.send("GET", path), await new.send("GET", path)
    assert (read.headers["etag"], newer.headers["etag"]) == ('"v1-json2"', '"v1-json4"')
    assert (await old.send("GET", path, headers={"If-None-Match": read.headers["etag"]})).status_code == 304
    assert (await new.send("GET", path, headers={"If-None-Match": read.headers["etag"]})).status_code == 200
    changed = await new.send("PATCH", path, headers={"If-Match": read.headers["etag"]}, json={"title": "Lamp"})
    assert changed.status_code == 200
    stale = await old.send("PATCH", path, headers={"If-Match": newer.headers["etag"]}, json={"headline": "Bulb"})
    assert stale.status_code == 412


async def test_a_key_is_of_one_version(old: Desk, new: Desk) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = await old.send("POST", headers=key, json=OLDEST)
    again = await old.send("POST", headers=key, json=OLDEST)
    assert (again.headers["idempotency-replayed"], again.content) == ("true", first.content)
    other = await new.send("POST", headers=key, json=NEWEST)
    assert other.status_code == 422
    assert len((await new.send("GET")).json()["items"]) == 1


async def test_what_changed_is_deprecated_with_its_successor(old: Desk, new: Desk) -> None:
    path = f"/{await written(new, **NEWEST)}"
    read = await old.send("GET", path)
    since = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    assert read.headers["deprecation"] == f"@{since}"
    assert read.headers["link"] == f'</api/v4/tickets{path}>; rel="successor-version"'
    assert "sunset" not in read.headers
    items = await old.api.client.get("/api/v2/items", headers=old.person.headers)
    assert items.headers["deprecation"] == f"@{int(datetime(2028, 1, 1, tzinfo=UTC).timestamp())}"
    assert "deprecation" not in (await new.send("GET", path)).headers
    assert "deprecation" not in (await old.api.client.get("/api/v2/tenants", headers=old.person.headers)).headers


async def test_a_route_may_begin_and_end(api: Running) -> None:
    found = {
        (number, name): (await api.client.get(f"/api/v{number}/echoes/{name}")).status_code
        for number in (1, 2, 3, 4)
        for name in ("old", "new")
    }
    assert {key for key, status in found.items() if status == 200} == {(1, "old"), (2, "old"), (4, "new")}
    assert set(found.values()) == {200, 404}
    last = await api.client.get("/api/v2/echoes/old")
    assert (last.headers["deprecation"], "link" in last.headers) == (f"@{int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())}", False)


async def test_the_oldest_versions_end_by_settings(api: Running) -> None:
    kept = api.services.settings
    ended = kept.versions.model_copy(update={"oldest": 2, "sunsets": {2: date(2026, 1, 31)}})
    app: Any = create_app(kept.model_copy(update={"versions": ended}), [*BUILT_IN, LABELS, ECHOES])
    assert sorted({path.split("/")[2] for path in app.openapi(2)["paths"] if path.startswith("/api/")}) == ["v2"]
    table = app.state.services.versions
    assert table.numbers == (2, 3, 4)


@pytest.mark.slow
async def test_each_version_has_a_document(api: Running) -> None:
    documents = {number: (await api.client.get(f"/openapi/v{number}.json")).json() for number in (1, 2, 3, 4)}
    assert (await api.client.get("/openapi.json")).json() == documents[4]
    assert (await api.client.get("/openapi/v5.json")).status_code == 404
    fields = {number: list(one["components"]["schemas"]["CaseDTO"]["properties"])[4:] for number, one in documents.items()}
    assert fields == {
        1: ["headline", "priority", "place"],
        2: ["headline", "priority", "place"],
        3: ["headline", "priority", "city", "country"],
        4: ["title", "priority", "city", "country"],
    }
    parameters = {one["name"] for one in documents[2]["paths"]["/api/v2/tickets"]["get"]["parameters"]}
    assert {"headline", "priority", "place"} <= parameters
    assert not {"title", "city", "country"} & parameters
    assert documents[2]["paths"]["/api/v2/tickets"]["get"]["deprecated"] is True
    assert "deprecated" not in documents[4]["paths"]["/api/v4/tickets"]["get"]


async def test_a_location_needs_its_fields_in_each_version(api: Running) -> None:
    moved = Context(name="moved", changes=(Replaced(V3, (ItemDTO,), was="number", now="id", type=int, show=hash),))
    with pytest.raises(WiringError) as found:
        build(api.services.settings, [*BUILT_IN, moved]).refuse_faults()
    assert [str(one) for one in found.value.faults] == [
        "/api/{version}/items: Version 3 changed 'id' of ItemDTO, by which routes locate it. Only its name may change."
    ]

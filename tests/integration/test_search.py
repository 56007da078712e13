"""`GET /api/v1/search` over HTTP: fed by events, only what the reader may read, and never another tenant."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services
from api_base.bootstrap.tasks import WorkerTiming, event_work
from api_base.core.errors import Conflict
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.operations.search_admin import reindex
from tests.application import Person, Running, running, settings_on

MERGE = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated), BUILT_IN) as started, _working(started.services):
        yield started


@asynccontextmanager
async def _working(services: Services) -> AsyncIterator[None]:
    await services.container.worker_database.open()
    try:
        yield
    finally:
        await services.container.worker_database.close()


async def deliver(api: Running) -> None:
    """Publish what was committed, and deliver it to every subscriber."""
    current_context.set(RequestContext(request_id="worker"))
    for task in event_work(api.services, WorkerTiming()):
        if task.group in ("relay", "subscribers"):
            while await task.run():
                pass


async def search(api: Running, person: Person, q: str, **parameters: Any) -> dict[str, Any]:
    answer = await api.client.get("/api/v1/search", params={"q": q, **parameters}, headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_item_is_found_after_its_events_were_delivered(api: Running) -> None:
    person = await api.person()
    item = await api.item(person, name="Amélie's Armchair", category="Seats", tags=["oak"], attributes={"by": {"maker": "Ærø Möbler"}})
    await deliver(api)
    for q in ("amelie", "armch", "oak", "aero mobler", "amelies armchiar", item["sku"]):
        assert [hit["id"] for hit in (await search(api, person, q))["items"]] == [item["id"]], q
    hit = await search(api, person, "armchair", facets="category,tags")
    assert hit["items"][0]["index"] == "items"
    assert hit["items"][0]["highlights"]["name"] == ["Amélie&#x27;s <mark>Armchair</mark>"]
    assert hit["facets"]["category"] == {"values": [{"value": "Seats", "count": 1}], "approximate": False}
    assert hit["total"] == {"value": 1, "relation": "eq"}


async def test_a_change_a_deletion_and_a_restoration_arrive(api: Running) -> None:
    person = await api.person()
    item = await api.item(person, name="Stool")
    path = f"/api/v1/items/{item['id']}"
    await api.client.patch(path, json={"name": "Bench"}, headers=person.headers | MERGE)
    await deliver(api)
    assert (await search(api, person, "stool"))["total"]["value"] == 0
    assert (await search(api, person, "bench"))["total"]["value"] == 1
    await api.client.delete(path, headers=person.headers | {"If-Match": "*"})
    await deliver(api)
    gone = await search(api, person, "bench", facets="category,status")
    assert (gone["items"], gone["total"]["value"], gone["suggestions"]) == ([], 0, [])
    assert all(facet["values"] == [] for facet in gone["facets"].values())
    assert (await search(api, person, "bnech"))["suggestions"] == []
    await api.client.post(f"{path}/restore", headers=person.headers)
    await deliver(api)
    assert (await search(api, person, "bench"))["total"]["value"] == 1


async def test_what_the_reader_may_not_read_is_neither_shown_nor_counted(api: Running) -> None:
    owner = await api.person()
    await api.item(owner, name="Throne", category="royal")
    await deliver(api)
    viewer, stranger = await api.member(owner, "viewer"), await api.person()
    assert (await search(api, viewer, "throne"))["total"]["value"] == 1
    foreign = await search(api, stranger, "throne", facets="category")
    assert (foreign["items"], foreign["total"], foreign["suggestions"]) == ([], {"value": 0, "relation": "eq"}, [])
    assert foreign["facets"]["category"]["values"] == []
    assert (await search(api, stranger, "thorne"))["suggestions"] == []


async def test_a_cursor_of_another_tenant_is_refused(api: Running) -> None:
    owner, stranger = await api.person(), await api.person()
    for person in (owner, stranger):
        for _ in range(3):
            await api.item(person, name="Lamp")
    await deliver(api)
    page = await search(api, owner, "lamp", limit=2)
    rest = await search(api, owner, "lamp", limit=2, cursor=page["next_cursor"])
    assert len({hit["id"] for hit in [*page["items"], *rest["items"]]}) == 3
    assert rest["next_cursor"] is None
    refused = await api.client.get(
        "/api/v1/search", params={"q": "lamp", "limit": 2, "cursor": page["next_cursor"]}, headers=stranger.headers
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/query/cursor"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/query/q"),
        ("q=%20", "/query/q"),
        ("q=a&q=b", "/query/q"),
        ("q=%00", "/query/q"),
        (f"q={'a' * 501}", "/query/q"),
        ("q=a&limit=0", "/query/limit"),
        ("q=a&limit=101", "/query/limit"),
        ("q=a&limit=x", "/query/limit"),
        ("q=a&index=secrets", "/query/index"),
        ("q=a&facets=name", "/query/facets"),
        ("q=a&facets=a,b,c,d,e,f,g,h,i,j,k", "/query/facets"),
        ("q=a&cursor=x", "/query/cursor"),
        ("q=a&sort=name", "/query/sort"),
        ("q=%ff", "/query"),
        ("&".join(f"a{n}=1" for n in range(30)), "/query"),
    ],
)
async def test_a_bad_query_is_refused_by_its_parameter(api: Running, query: str, pointer: str) -> None:
    person = await api.person()
    answer = await api.client.get(f"/api/v1/search?{query}", headers=person.headers)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]][:1] == [pointer]


async def test_an_anonymous_search_is_refused(api: Running) -> None:
    assert (await api.client.get("/api/v1/search?q=a")).status_code == 401


async def test_a_list_finds_its_own_writes_by_the_same_rules_before_any_event(api: Running) -> None:
    person = await api.person()
    for name in ("Disco Chair", "The Chair", "Chair", "Chairman"):
        await api.item(person, name=name)
    answer = await api.client.get("/api/v1/items", params={"q": "chair"}, headers=person.headers)
    assert [item["name"] for item in answer.json()["items"]] == ["Chair", "Chairman", "The Chair", "Disco Chair"]
    mistyped = await api.client.get("/api/v1/items", params={"q": "teh chiarman"}, headers=person.headers)
    assert [item["name"] for item in mistyped.json()["items"]][:1] == ["Chairman"]
    paged = await api.client.get("/api/v1/items", params={"q": "chair", "limit": 3}, headers=person.headers)
    rest = await api.client.get(
        "/api/v1/items", params={"q": "chair", "limit": 3, "cursor": paged.json()["next_cursor"]}, headers=person.headers
    )
    assert [item["name"] for item in rest.json()["items"]] == ["Disco Chair"]


async def test_an_unknown_document_of_an_event_is_a_deletion(api: Running) -> None:
    person = await api.person()
    source = api.services.ports.search_indexes.sources["items"]
    assert await source.load(person.tenant_id, [uuid4()]) == []
    await api.item(person)
    assert person.tenant_id in await source.tenants(None, 100)
    assert [one.tenant_id for one in await source.page(person.tenant_id, None, 10)] == [person.tenant_id]


async def test_two_processes_do_not_rebuild_an_index_at_once(api: Running) -> None:
    """Otherwise the one that ends first makes a generation live that the other has emptied and only begun to fill."""
    person = await api.person()
    await api.item(person, name="Lamp")
    refused: list[BaseException | None] = []

    def meanwhile(index: str, written: int) -> None:
        del index, written
        with ThreadPoolExecutor(1) as other:
            refused.append(other.submit(lambda: asyncio.run(reindex(api.services.settings, BUILT_IN, "items", _ignored))).exception())

    assert (await reindex(api.services.settings, BUILT_IN, None, meanwhile))["items"] >= 1
    assert [type(one) for one in refused] == [Conflict]
    assert (await search(api, person, "lamp"))["total"]["value"] == 1
    assert (await reindex(api.services.settings, BUILT_IN, "items", _ignored))["items"] >= 1


def _ignored(index: str, documents: int) -> None:
    del index, documents

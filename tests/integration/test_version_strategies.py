"""The four ways in which a request names the version of the API, one of them by setting."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import httpx2
import pytest
import pytest_asyncio
from fastapi import Depends
from openapi_spec_validator import validate

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import EQUALITY, Field, Fields, ListRequest, OffsetPage, Page, Sort
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config.versions import VersionSettings
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes import ListQuery, OffsetQuery, RouteOptions, Router
from api_base.interface.v2 import V2
from api_base.interface.versioning import Renamed
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRATEGIES: Final = ("path", "header", "media_type", "query")
FIELD: Final = {1: "platform_admin", 2: "platform_role"}
NAME: Final = {1: "name", 2: "label"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfDTO:
    label: str


ROWS: Final = [ShelfDTO(label="A"), ShelfDTO(label="B")]
FIELDS: Final = Fields(Field(name="label", kind=str, operators=EQUALITY, sortable=True), default_sort=(Sort(field="label"),))


def routes(bus: Bus) -> Router:
    """Lists whose rows are not those of a table: what names a version is the same for all."""
    del bus
    router = Router(prefix="/shelves", tags=["shelves"])

    @router.get("", RouteOptions(paging="offset", sparse=True), summary="List shelves by offset")
    async def list_shelves(request: Annotated[ListRequest, Depends(OffsetQuery(FIELDS))]) -> OffsetPage[ShelfDTO]:
        assert request.offset is not None
        rows = ROWS[request.offset : request.offset + request.limit]
        return OffsetPage(items=rows, total=len(ROWS), offset=request.offset, limit=request.limit)

    @router.get("/all", RouteOptions(sparse=True), summary="List shelves")
    async def all_shelves(request: Annotated[ListRequest, Depends(ListQuery(FIELDS))]) -> Page[ShelfDTO]:
        del request
        return Page(items=ROWS, next_cursor=None)

    return router


SHELVES: Final = Context(name="shelves", routes=routes, changes=(Renamed(V2, (ShelfDTO,), was="name", now="label"),))


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests for a version as the application of one strategy wants them."""

    api: Running
    person: Person
    strategy: str

    async def send(self, method: str, path: str, version: object, *, headers: dict[str, str] | None = None, **more: Any) -> httpx2.Response:
        by_strategy: dict[str, dict[str, str]] = {
            "header": {"API-Version": str(version)},
            "media_type": {"Accept": f"application/json; version={version}"},
        }
        named = by_strategy.get(self.strategy, {})
        base = f"/api/v{version}" if self.strategy == "path" else "/api"
        end = f"{'&' if '?' in path else '?'}api_version={version}" if self.strategy == "query" else ""
        sent = {**self.person.headers, **named, **(headers or {})}
        return await self.api.client.request(method, f"{base}{path}{end}", headers=sent, **more)

    async def follow(self, url: str, version: int, *, method: str = "GET", headers: dict[str, str] | None = None) -> httpx2.Response:
        """Send a request to a URL as it is, with the headers that name the version if there are any."""
        named = {"header": {"API-Version": str(version)}, "media_type": {"Accept": f"application/json; version={version}"}}
        sent = {**self.person.headers, **named.get(self.strategy, {}), **(headers or {})}
        return await self.api.client.request(method, url, headers=sent)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=STRATEGIES)
async def client(request: pytest.FixtureRequest, shared_migrated: Urls) -> AsyncIterator[Client]:
    settings = settings_on(shared_migrated).model_copy(update={"versions": VersionSettings(strategy=request.param)})
    async with running(settings, [*BUILT_IN, SHELVES]) as opened:
        yield Client(opened, await opened.person(), request.param)


@pytest.mark.parametrize("version", [1, 2])
async def test_a_request_gets_the_version_that_it_names(client: Client, version: int) -> None:
    answer = await client.send("GET", "/users/me?fields=id", version)
    assert (answer.status_code, answer.json()) == (200, {"id": str(client.person.id)}), answer.text
    whole = await client.send("GET", "/users/me", version)
    assert set(FIELD.values()) & whole.json().keys() == {FIELD[version]}
    assert whole.headers["etag"] == f'"v{whole.json()["version"]}-json{version}"'
    assert whole.headers["content-type"] == (
        f"application/json; version={version}" if client.strategy == "media_type" else "application/json"
    )
    assert whole.headers.get("api-version") == (None if client.strategy == "path" else str(version))
    varies = {"path": None, "header": "api-version", "media_type": "accept, content-type", "query": None}[client.strategy]
    assert varies is None or varies in whole.headers.get_list("vary")


async def test_what_is_created_is_located_where_clients_read(client: Client) -> None:
    created = await client.send("POST", "/items", 2, json={"sku": f"A-{client.strategy}", "name": "Lamp", "category": "light"})
    base = "/api/v2" if client.strategy == "path" else "/api"
    named = "?api_version=2" if client.strategy == "query" else ""
    assert created.headers["location"] == f"{base}/items/{created.json()['id']}{named}", created.text
    read = await client.follow(created.headers["location"], 2)
    assert read.json() == created.json()
    missing = await client.send("GET", "/items/01900000-0000-7000-8000-000000000001", 2)
    assert missing.json()["instance"] == f"{base}/items/01900000-0000-7000-8000-000000000001"
    upload = await client.send("POST", "/files/uploads", 2, headers={"Tus-Resumable": "1.0.0", "Upload-Length": "3"})
    assert upload.status_code == 201, upload.text
    assert upload.headers["location"].startswith(f"{base}/files/uploads/")
    found = await client.follow(upload.headers["location"], 2, method="HEAD", headers={"Tus-Resumable": "1.0.0"})
    assert (found.status_code, found.headers["upload-length"]) == (200, "3")
    assert found.headers.get("api-version") == (None if client.strategy == "path" else "2")


@pytest.mark.parametrize("version", [1, 2])
async def test_links_to_other_pages_lead_to_the_same_version(client: Client, version: int) -> None:
    first = await client.send("GET", "/shelves?limit=1", version)
    links = {relation: target for target, relation in re.findall('<([^>]*)>; rel="([a-z]+)"', first.headers["link"])}
    later = await client.follow(str(first.request.url.join(links["next"])), version)
    assert (later.status_code, later.json()["offset"]) == (200, 1), later.text
    assert [first.json()["items"], later.json()["items"]] == [[{NAME[version]: "A"}], [{NAME[version]: "B"}]]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("media_type", ["text/csv", "application/jsonl"])
async def test_an_export_is_of_the_version_that_is_named(client: Client, media_type: str, version: int) -> None:
    by_type = client.strategy == "media_type"
    accept = f"{media_type}; version={version}" if by_type else media_type
    whole = await client.send("GET", f"/shelves/all?sort={NAME[version]}", version, headers={"Accept": accept})
    assert whole.status_code == 200, whole.text
    lines = whole.text.splitlines()
    rows = [json.loads(line) for line in lines] if media_type == "application/jsonl" else [*csv.DictReader(io.StringIO(whole.text))]
    assert [row[NAME[version]] for row in rows] == ["A", "B"], whole.text
    assert whole.headers["content-type"].endswith(f"; version={version}") is by_type


async def test_the_deprecated_shape_names_its_successor_where_it_has_another_path(client: Client) -> None:
    old = await client.send("GET", "/users/me", 1)
    link = '</api/v2/users/me>; rel="successor-version"' if client.strategy == "path" else None
    assert old.headers["deprecation"].startswith("@")
    assert old.headers.get("link") == link


@pytest.mark.parametrize("version", ["3", "0", "x", "1.5"])
async def test_a_version_that_is_not_served_is_refused(client: Client, version: str) -> None:
    answer = await client.send("GET", "/users/me", version)
    expected = {"path": 404, "media_type": 406}.get(client.strategy, 400)
    assert (answer.status_code, answer.headers["content-type"]) == (expected, "application/problem+json")
    assert client.strategy == "path" or "Send one of 1, 2." in answer.json()["detail"]


@pytest.mark.parametrize("query", ["api_version=%32", "api%5Fversion=2", "fields=id&api_version=2", "api_version=2&api_version=2"])
async def test_the_query_is_read_whatever_is_encoded(client: Client, query: str) -> None:
    base = "/api/v2" if client.strategy == "path" else "/api"
    answer = await client.api.client.get(f"{base}/users/me?{query}", headers=client.person.headers)
    found = (200, "2") if client.strategy == "query" else (422, None if client.strategy == "path" else "1")
    assert (answer.status_code, answer.headers.get("api-version")) == found, answer.text


async def test_who_names_no_version_gets_the_oldest(client: Client) -> None:
    answer = await client.api.client.get("/api/users/me", headers=client.person.headers)
    assert answer.status_code == (404 if client.strategy == "path" else 200)
    assert client.strategy == "path" or FIELD[1] in answer.json()


async def test_a_write_and_its_key_are_of_the_version_that_is_named(client: Client) -> None:
    key = {"Idempotency-Key": f"key-{client.strategy}"}
    body = {"sku": f"B-{client.strategy}", "name": "Lamp", "category": "light"}
    first = await client.send("POST", "/items", 1, json=body, headers=key)
    again = await client.send("POST", "/items", 1, json=body, headers=key)
    assert (first.status_code, again.headers["idempotency-replayed"], again.content) == (201, "true", first.content)
    assert (await client.send("POST", "/items", 2, json=body, headers=key)).status_code == 422


@pytest.mark.slow
async def test_the_documents_say_how_a_version_is_named(client: Client) -> None:
    for number in (1, 2):
        document = (await client.api.client.get(f"/openapi/v{number}.json")).json()
        validate(document)
        base = f"/api/v{number}" if client.strategy == "path" else "/api"
        paths = [path for path in document["paths"] if path.startswith("/api")]
        assert paths
        assert all(path.startswith(f"{base}/") for path in paths)
        assert document["components"]["securitySchemes"]["password"]["flows"]["password"]["tokenUrl"] == f"{base}/auth/token"
        names = {one["name"]: one for one in document["paths"][f"{base}/users/me"]["get"]["parameters"]}
        named = {"header": "API-Version", "query": "api_version"}.get(client.strategy)
        assert {"API-Version", "api_version"} & names.keys() == ({named} if named else set())
        assert named is None or names[named]["schema"] == {"type": "string", "enum": [str(number)]}
        assert client.strategy == "path" or f"/api/v{number}/" not in json.dumps(document)


async def test_version_1_is_as_it_was_released(client: Client) -> None:
    answer = await client.send("GET", "/users/me", 1)
    assert answer.text == as_released(client.person, answer.json(), name="Ana", version=1)
    patched = await client.send("PATCH", "/users/me", 1, headers={"If-Match": answer.headers["etag"]}, json={"name": "Ana Maria"})
    assert patched.text == as_released(client.person, patched.json(), name="Ana Maria", version=2)


def as_released(person: Person, found: dict[str, Any], *, name: str, version: int) -> str:
    return (
        f'{{"id":"{person.id}","email":"{person.email}","name":"{name}","status":"active","platform_admin":false,"language":"en",'
        f'"version":{version},"created_at":"{found["created_at"]}","updated_at":"{found["updated_at"]}"}}'
    )


async def test_the_metrics_name_the_route_with_its_version(client: Client) -> None:
    await client.send("GET", "/users/me", 1)
    text = (await client.api.client.get("/metrics")).text
    (line,) = [
        line
        for line in text.splitlines()
        if line.startswith("http_requests_total{")
        and 'route="/api/v1/users/me"' in line
        and 'status="200"' in line
        and 'method="GET"' in line
    ]
    assert float(line.rpartition(" ")[2]) >= 1

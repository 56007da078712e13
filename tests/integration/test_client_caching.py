"""HTTP caching of the results of cacheable queries: what a client may keep, how it asks again, and what it learns of our cache."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import http_sf
import httpx2
import pytest

from api_base.application.common.cqrs import Cacheable, Query
from api_base.application.items.queries import GetItem
from api_base.application.tenants.queries import GetTenant
from api_base.core.errors import ProgrammingError
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.routes.client_caching import ClientCaching
from tests.application import Person, Running, running, settings_on

PATHS = ("/api/v1/tenants/{}", "/api/v1/tenants/{}/members")


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated)) as started:
        yield started


@pytest.fixture
async def person(api: Running) -> Person:
    return await api.person()


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, person: Person) -> str:
    found: str = request.param.format(person.tenant_id)
    return found


async def get(api: Running, path: str, person: Person, **headers: str) -> httpx2.Response:
    return await api.client.get(path, headers=person.headers | headers)


def cache_status(answer: httpx2.Response) -> tuple[object, dict[str, object]]:
    ((name, parameters),) = http_sf.parse(answer.headers["cache-status"].encode(), tltype="list")
    return str(name), parameters


async def test_an_answer_may_be_kept_by_its_client_and_says_where_it_came_from(api: Running, person: Person, path: str) -> None:
    first, second = [await get(api, path, person) for _ in range(2)]
    for answer in (first, second):
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "authorization, cookie" in answer.headers.get_list("vary")
    assert (cache_status(first), first.headers.get("age")) == (("api-base", {"fwd": http_sf.Token("miss")}), None)
    name, parameters = cache_status(second)
    assert (name, parameters.keys(), parameters["hit"]) == ("api-base", {"hit", "ttl"}, True)
    age, ttl = int(second.headers["age"]), parameters["ttl"]
    assert 0 <= age <= GetTenant.staleness
    assert isinstance(ttl, int)
    assert GetTenant.staleness - 1 <= age + ttl <= GetTenant.staleness
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])


async def test_who_has_the_answer_gets_304_until_it_changes(api: Running, person: Person) -> None:
    tags = {path: (await get(api, path.format(person.tenant_id), person)).headers["etag"] for path in PATHS}
    for path, tag in tags.items():
        known = await get(api, path.format(person.tenant_id), person, **{"If-None-Match": tag})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
        assert known.headers["cache-control"] == "private, no-cache"
        assert "authorization, cookie" in known.headers.get_list("vary")
        assert "content-type" not in known.headers
    await api.member(person, "viewer")
    headers = person.headers | {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    assert (await api.client.patch(PATHS[0].format(person.tenant_id), json={"name": "New"}, headers=headers)).status_code == 200
    for path, tag in tags.items():
        changed = await get(api, path.format(person.tenant_id), person, **{"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag


async def test_sparse_fields_and_pages_have_tags_of_their_own(api: Running, person: Person, path: str) -> None:
    full, sparse = await get(api, path, person), await get(api, f"{path}?fields=version", person)
    assert full.headers["etag"] != sparse.headers["etag"]
    for asked, tag, status in ((path, sparse.headers["etag"], 200), (f"{path}?fields=version", sparse.headers["etag"], 304)):
        assert (await get(api, asked, person, **{"If-None-Match": tag})).status_code == status


async def test_a_refusal_is_not_kept(api: Running, person: Person, path: str) -> None:
    await get(api, path, person)
    for headers, status in (((await api.person()).headers, 404), ({}, 401)):
        refused = await api.client.get(path, headers=headers)
        assert (refused.status_code, refused.headers["cache-control"]) == (status, "no-store")
        assert not {"age", "cache-status", "etag"} & set(refused.headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Query[str]):
    cacheable = Cacheable.BY_USER
    staleness = 60.0
    max_age = 30


def test_an_answer_is_used_without_asking_only_where_the_query_says_for_how_long() -> None:
    assert dict(ClientCaching(Kept).headers)[b"cache-control"] == b"private, max-age=30"
    assert dict(ClientCaching(GetTenant).headers)[b"cache-control"] == b"private, no-cache"
    with pytest.raises(ProgrammingError, match="GetItem, which is not cacheable"):
        ClientCaching(GetItem)

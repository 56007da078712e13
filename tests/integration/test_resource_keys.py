"""A resource that paths name by its slug: unique within its tenant, by the database; and the lookup by a unique column."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.crud import Crud, crud
from api_base.bootstrap.services import build, opened
from api_base.core.errors import NotFound, ProgrammingError
from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, settings_on
from tests.articles import Article, ArticleDTO, Desk, serving
from tests.support import act_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARTICLES: Crud[Article, ArticleDTO] = crud(Article, ArticleDTO, name="articles", key="slug", sorts=("title",))


@dataclass(frozen=True)
class Served:
    api: Running
    folder: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("articles")
    async with serving(shared_migrated, folder, [ARTICLES.context(migrations=folder)]) as api:
        yield Served(api, folder)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(served: Served) -> Desk:
    """In a tenant of its own."""
    return Desk(served.api, await served.api.person())


async def test_paths_name_it_by_its_slug(desk: Desk) -> None:
    created = await desk.send("POST", json={"slug": "first-steps", "title": "First steps"})
    assert (created.status_code, created.headers["location"]) == (201, "/api/v1/articles/first-steps"), created.text
    assert (await desk.send("GET", "/first-steps")).json() == created.json()
    changed = await desk.send("PATCH", "/first-steps", headers={"If-Match": created.headers["etag"]}, json={"slug": "steps"})
    assert (changed.status_code, changed.json()["slug"]) == (200, "steps"), changed.text
    assert (await desk.send("GET", "/first-steps")).status_code == 404
    assert (await desk.send("DELETE", "/steps", headers={"If-Match": changed.headers["etag"]})).status_code == 204
    assert (await desk.send("GET", "/steps")).json()["detail"] == "No article with the slug steps exists."
    assert (await desk.send("PATCH", "/steps", headers={"If-Match": "*"}, json={"title": "Steps"})).status_code == 409
    assert (await desk.send("POST", "/steps/restore")).json()["id"] == created.json()["id"]


async def test_a_stale_version_and_a_missing_one_are_refused(desk: Desk) -> None:
    await desk.made(slug="steps")
    for method, body in (("PATCH", {"json": {"title": "Other"}}), ("DELETE", {})):
        assert (await desk.send(method, "/steps", headers={"If-Match": '"v9-json1"'}, **body)).status_code == 412
        assert (await desk.send(method, "/steps", **body)).status_code == 428
    assert (await desk.send("GET", "/steps", headers={"If-None-Match": '"v1-json1"'})).status_code == 304


async def test_a_slug_that_another_has_is_a_conflict_that_names_it(desk: Desk) -> None:
    await desk.made(slug="steps")
    sentence = (
        "slug must be unique within the tenant: another article, possibly deleted, has 'steps'. Change that one, or choose another slug."
    )
    twice = await desk.send("POST", json={"slug": "steps", "title": "Other"})
    assert (twice.status_code, twice.json()["detail"]) == (409, sentence)
    other = await desk.made(slug="other")
    moved = await desk.send("PATCH", "/other", headers={"If-Match": "*"}, json={"slug": "steps"})
    assert (moved.status_code, moved.json()["detail"]) == (409, sentence)
    assert (await desk.send("GET", "/other")).json() == other


async def test_of_many_at_once_one_gets_the_slug(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.send("POST", json={"slug": "steps", "title": f"{n}"}) for n in range(8)))
    assert sorted(one.status_code for one in answers) == [201, *[409] * 7]


async def test_tenants_have_the_same_slugs(desk: Desk) -> None:
    await desk.made(slug="steps", title="Mine")
    stranger = await desk.api.person()
    assert (await desk.send("GET", "/steps", by=stranger)).status_code == 404
    assert (await desk.send("POST", by=stranger, json={"slug": "steps", "title": "Theirs"})).status_code == 201
    assert (await desk.send("PATCH", "/steps", by=stranger, headers={"If-Match": "*"}, json={"title": "Changed"})).status_code == 200
    assert (await desk.send("DELETE", "/steps", by=stranger, headers={"If-Match": "*"})).status_code == 204
    assert (await desk.send("GET", "/steps")).json()["title"] == "Mine"


@pytest.mark.parametrize("slug", ["Steps!", "a", "%00", "a%2Fb", "x" * 200, "%FF"])
async def test_a_text_that_is_no_slug_names_nothing(desk: Desk, slug: str) -> None:
    answer = await desk.send("GET", f"/{slug}")
    assert answer.status_code == 404, answer.text


async def test_a_slug_is_checked_as_it_enters(desk: Desk) -> None:
    answer = await desk.send("POST", json={"slug": "No spaces", "title": "One"})
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/body/slug", "slug")]


@pytest.mark.slow
async def test_graphql_and_the_document_name_it_too(desk: Desk) -> None:
    await desk.made(slug="steps", title="Steps")
    text = 'mutation { updateArticle(slug: "steps", expectedVersion: 1, input: {title: "Other"}) { article { id title } } }'
    answer = await desk.api.client.post("/graphql", json={"query": text}, headers=desk.person.headers)
    assert answer.json()["data"]["updateArticle"]["article"]["title"] == "Other", answer.text
    document: dict[str, Any] = (await desk.api.client.get("/openapi.json")).json()
    one = document["paths"]["/api/v2/articles/{slug}"]
    assert sorted(one) == ["delete", "get", "patch"]
    assert one["get"]["operationId"] == "get_article"
    assert next((p["name"], p["in"], p["schema"]["type"]) for p in one["patch"]["parameters"]) == ("slug", "path", "string")


async def test_a_repository_finds_by_a_unique_column_in_the_tenant_only(served: Served, shared_migrated: Urls) -> None:
    services = build(settings_on(shared_migrated), [*BUILT_IN, ARTICLES.context(migrations=served.folder)])
    async with opened(services):
        tenants, ids = (uuid4(), uuid4()), dict[UUID, UUID]()
        for tenant in tenants:
            act_for(tenant, permissions=frozenset(ARTICLES.roles))
            ids[tenant] = (await services.bus.execute(ARTICLES.create(values={"slug": "steps", "title": "Steps"}))).id
        by_slug = ARTICLES.repository(services.container.database).by("slug")
        for tenant in tenants:
            act_for(tenant, permissions=frozenset(ARTICLES.roles))
            found = await by_slug("steps")
            assert found is not None
            assert found.id == ids[tenant]
            assert ARTICLES.get_by_key is not None
            assert (await services.bus.execute(ARTICLES.get_by_key(key="steps"))).id == ids[tenant]
            assert await by_slug("other") is None
            with pytest.raises(NotFound, match="No article with the slug other exists"):
                await services.bus.execute(ARTICLES.get_by_key(key="other"))
        with pytest.raises(ProgrammingError, match=r"by\('title'\): no constraint of the table 'articles' makes the column unique"):
            ARTICLES.repository(services.container.database).by("title")

"""Files of plain resources over HTTP: rows are found by their key, and with `rename="camel"` columns have the names that clients see."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.crud import Crud, crud
from api_base.core.shared.naming import camel
from api_base.infrastructure.db.embedded import Urls
from tests.articles import Article, ArticleDTO, serving
from tests.integration.test_upload_imports import CSV, Desk, body_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARTICLES: Crud[Article, ArticleDTO] = crud(Article, ArticleDTO, name="articles", key="slug", imports=True, rename="camel")


class RenamedDesk(Desk):
    """Sends the request and reads the answer by the names that clients see."""

    async def ask(self, file: str, options: str = "", **headers: str) -> httpx2.Response:
        sent = {camel(name): value for name, value in body_of(file, options).items()}
        return await self.api.client.post(self.path, json=sent, headers={**self.person.headers, **headers})

    async def started(self, content: str | bytes, options: str = "", media_type: str = CSV) -> str:
        answer = await self.send(content, options, media_type)
        assert answer.status_code == 202, answer.text
        return f"/api/v1/jobs/{answer.json()['jobId']}"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("articles")
    articles = ARTICLES.context(migrations=folder)
    async with serving(shared_migrated, folder, [articles]) as api:
        yield RenamedDesk(api, shared_migrated, await api.person(), "/api/v1/articles/imports", [*BUILT_IN, articles])


async def shown(desk: Desk, slug: str) -> dict[str, Any]:
    answer = await desk.api.client.get(f"/api/v1/articles/{slug}", headers=desk.person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_columns_and_reasons_have_the_names_that_clients_see(desk: Desk) -> None:
    job = await desk.imported(
        "slug,title,pageViews,dueOn,listPrice,listPriceCurrency\n"
        "one,One,3,2026-03-01,3.50,EUR\n"
        "two,Two,3,soon,,\n"
        "three,Three,many,,,\n"
        "four,Four,3,,3.50,\n"
    )
    result = job["result"]
    assert (result["created"], result["refused"]) == (1, 3), job
    assert [(one["row"], one["reason"].split()[0]) for one in result["refused_rows"]] == [
        (2, "dueOn"),
        (3, "pageViews"),
        (4, "listPriceCurrency"),
    ]
    found = await shown(desk, "one")
    assert (found["pageViews"], found["dueOn"], found["listPrice"]) == (3, "2026-03-01", {"amount": "3.50", "currency": "EUR"})


async def test_targets_and_constants_have_them_too(desk: Desk) -> None:
    job = await desk.imported("code,name\nfive,Five\n", "map=slug=code&map=title=name&set=pageViews=7")
    assert job["result"]["created"] == 1, job
    assert (await shown(desk, "five"))["pageViews"] == 7
    refused = await desk.send("code,name\nsix,Six\n", "map=slug=code&map=title=name&set=page_views=7")
    assert refused.status_code == 422
    assert "pageViews" in refused.text
    assert "'page_views' in 'page_views=7' is not a target" in refused.text


async def test_columns_with_the_names_of_python_are_no_columns(desk: Desk) -> None:
    job = await desk.imported("slug,title,page_views\nseven,Seven,9\n")
    assert (job["result"]["created"], (await shown(desk, "seven"))["pageViews"]) == (1, 0)

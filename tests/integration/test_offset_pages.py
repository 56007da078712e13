"""Pages by offset: where a route declares them, of the first 10,000 rows, with a total and links; the rows and their order are those of cursors."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urljoin

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.common.listing import MAX_ROWS
from api_base.bootstrap.crud import crud
from api_base.infrastructure.db.embedded import Urls
from api_base.testing.databases import Postgres
from tests.application import Running
from tests.articles import Article, ArticleDTO, Desk, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS: Final = """insert into articles (tenant_id, id, slug, title, page_views, version, created_at, updated_at)
    select $1, gen_random_uuid(), 'row-' || n, 'Article ' || n, n, 1, now(), now() from generate_series(1, $2) n"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("articles")
    articles = crud(
        Article,
        ArticleDTO,
        name="articles",
        filters=("title", "page_views"),
        sorts=("title", "page_views"),
        search=("title",),
        paging="offset",
    )
    async with serving(shared_migrated, folder, [articles.context(migrations=folder)]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def desk(api: Running) -> Desk:
    """In a tenant of its own."""
    return Desk(api, await api.person())


async def filled(desk: Desk, postgres: Postgres, urls: Urls, rows: int) -> None:
    connection = await asyncpg.connect(postgres.admin_of(urls))
    await connection.execute(ROWS, desk.person.tenant_id, rows)
    await connection.close()


async def titles(desk: Desk, query: str) -> list[str]:
    answer = await desk.send("GET", f"?{query}")
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json()["items"]]


async def test_a_page_has_its_rows_the_total_and_links(desk: Desk) -> None:
    for number in range(5):
        await desk.made(title=f"a{number}")
    answer = await desk.send("GET", "?limit=2&offset=2&sort=title&title[ne]=a%26b&fields=title")
    assert answer.json() == {"items": [{"title": "a2"}, {"title": "a3"}], "total": 5, "offset": 2, "limit": 2}
    kept = "?sort=title&title%5Bne%5D=a%26b&fields=title"
    assert answer.headers["link"].split(", ") == [
        f'<{kept}&offset={offset}&limit=2>; rel="{relation}"' for relation, offset in (("first", 0), ("prev", 0), ("next", 4), ("last", 4))
    ]
    following = urljoin(str(answer.url), answer.links["next"]["url"])
    assert [one["title"] for one in (await desk.api.client.get(following, headers=desk.person.headers)).json()["items"]] == ["a4"]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", "6543210"),
        ("sort=-title", "6543210"),
        ("sort=page_views", "0415263"),
        ("sort=-page_views", "3625140"),
        ("page_views[ge]=2", "263"),
        ("q=tomato&sort=title", "0123456"),
    ],
)
async def test_all_pages_are_the_whole_list_in_order(desk: Desk, query: str, order: str) -> None:
    for number in range(7):
        await desk.made(title=f"Tomato {number}", page_views=number % 4)
    pages = [await titles(desk, f"{query}&limit=2&offset={offset}") for offset in range(0, 8, 2)]
    assert [title[-1] for page in pages for title in page] == [*order]
    assert (await desk.send("GET", f"?{query}&limit=2")).json()["total"] == len(order)


async def test_the_best_matches_come_first(desk: Desk) -> None:
    for title in ("Garden and tomatoes and a house", "Tomatoes", "Taxes", "Tomatoes and taxes"):
        await desk.made(title=title)
    pages = [await titles(desk, f"q=tomatoes&limit=1&offset={offset}") for offset in range(4)]
    assert pages == [["Tomatoes"], ["Tomatoes and taxes"], ["Garden and tomatoes and a house"], []]


async def test_a_page_beyond_the_rows_is_empty_and_leads_back(desk: Desk) -> None:
    answer = await desk.send("GET", "?offset=20&limit=10")
    assert answer.json() == {"items": [], "total": 0, "offset": 20, "limit": 10}
    assert {name: one["url"] for name, one in answer.links.items()} == dict.fromkeys(("first", "prev", "last"), "?offset=0&limit=10")  # fmt: skip


async def test_ten_thousand_rows_are_reached_and_counted(desk: Desk, postgres: Postgres, shared_migrated: Urls) -> None:
    await filled(desk, postgres, shared_migrated, MAX_ROWS + 7)
    answer = await desk.send("GET", f"?offset={MAX_ROWS - 1}&limit=1&sort=page_views")
    assert (answer.status_code, answer.json()["items"][0]["page_views"], answer.json()["total"]) == (200, MAX_ROWS, MAX_ROWS)
    assert "next" not in answer.links
    last = (await desk.send("GET", "?offset=0&limit=7")).links["last"]["url"]
    assert last == "?offset=9996&limit=4"
    assert len((await desk.send("GET", last)).json()["items"]) == 4


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "offset=9990&limit=20",
            "offset=9990 with limit=20 ends at row 10010, but the list shows its first 10000 rows. Narrow it by filters, or sort it the other way",
        ),
        ("offset=-1", "must be a whole number from 0 to 9999"),
        ("offset=1e3", "must be a whole number from 0 to 9999"),
        ("offset=1234567890", "must be a whole number from 0 to 9999"),
        ("offset=1&offset=2", "must not be repeated"),
    ],
)
async def test_an_offset_that_is_refused_is_named(desk: Desk, query: str, message: str) -> None:
    answer = await desk.send("GET", f"?{query}")
    assert (answer.status_code, [(one["pointer"], one["message"]) for one in answer.json()["errors"]]) == (
        422,
        [("/query/offset", message)],
    )


async def test_cursors_and_offsets_are_never_of_one_list(desk: Desk) -> None:
    for parameter in ("cursor", "include_total"):
        answer = await desk.send("GET", f"?{parameter}=true")
        assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(f"/query/{parameter}", "unknown_field")]
    items = await replace(desk, path="/api/v1/items").send("GET", "?offset=1")
    assert [one["pointer"] for one in items.json()["errors"]] == ["/query/offset"]


async def test_a_long_query_has_no_links(desk: Desk) -> None:
    answer = await desk.send("GET", "?title[in]=" + ",".join(["x" * 50] * 9) + "&title[ne]=" + "%C3%BC" * 100)
    assert (answer.status_code, "link" in answer.headers) == (200, False)


async def test_the_document_describes_it(desk: Desk) -> None:
    document: dict[str, Any] = (await desk.api.client.get("/openapi.json")).json()
    listed = document["paths"]["/api/v2/articles"]["get"]
    parameters = {one["name"]: one["schema"] for one in listed["parameters"]}
    assert parameters["offset"] == {"type": "integer", "minimum": 0, "maximum": 9999, "default": 0}
    assert parameters.keys().isdisjoint({"cursor", "include_total"})
    answer = listed["responses"]["200"]
    assert answer["headers"]["Link"]["schema"]["type"] == "string"
    whole, sparse = answer["content"]["application/json"]["schema"]["anyOf"]
    schemas = [document["components"]["schemas"][one["$ref"].rpartition("/")[2]] for one in (whole, sparse)]
    assert [one["required"] for one in schemas] == [["items", "total", "offset", "limit"]] * 2
    rows = [document["components"]["schemas"][one["properties"]["items"]["items"]["$ref"].rpartition("/")[2]] for one in schemas]
    assert ["required" in one for one in rows] == [True, False]


async def test_graphql_pages_the_same_list_by_cursor(desk: Desk) -> None:
    await desk.made(title="One")
    body = {"query": "{ articles(first: 5) { nodes { title } totalCount } }"}
    answer = await desk.api.client.post("/graphql", json=body, headers=desk.person.headers)
    assert answer.json() == {"data": {"articles": {"nodes": [{"title": "One"}], "totalCount": 1}}}

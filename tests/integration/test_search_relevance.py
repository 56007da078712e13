"""Relevance over the films that the README imports: every file of tests/search, with its own bound of MRR@10, on every engine and on lists."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import asyncpg
import ir_measures
import pytest
from bokeh_sampledata import package_path
from ir_measures import RR, Qrel, ScoredDoc

from api_base.application.common.listing import ListRequest
from api_base.core.protocols import SearchDocument
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.items.queries import ListItemsHandler
from tests.search_engines import ENGINES, Engine, film

pytestmark = pytest.mark.slow

FOLDER: Final = Path(__file__).parents[1] / "search"
TENANT: Final = uuid4()
SHOWN: Final = 10

type Find = Callable[[str], Awaitable[Sequence[str]]]


@cache
def films() -> Mapping[str, Mapping[str, str]]:
    """The films with a genre, by their ids at imdb.com: those that are imported."""
    with closing(sqlite3.connect(package_path("movies.db"))) as database:
        rows = database.execute(
            """select imdbID, Title, Genre, Year, Runtime, Director, "Cast", Language, Country from omdb where Genre <> ''"""
        )
        names = [column[0] for column in rows.description]
        return {row[0]: {name: str(value or "") for name, value in zip(names, row, strict=True)} for row in rows}


def _id(code: str) -> UUID:
    return uuid5(NAMESPACE_URL, code)


def _document(code: str, row: Mapping[str, str]) -> SearchDocument:
    people = "\n".join(row[name] for name in ("Director", "Cast", "Language", "Country"))
    return film(TENANT, row["Title"], id=_id(code), people=people, genres=tuple(row["Genre"].split(", ")), code=code)


@pytest.fixture(params=["list", *sorted(ENGINES)])
def finding(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Find]:
    """What finds films by a text: an engine, or the list of items by `q`."""
    if request.param == "list":
        return _list(request.getfixturevalue("migrated"), request.getfixturevalue("admin_of_migrated"))
    return _engine(ENGINES[request.param](request))


@asynccontextmanager
async def _engine(opening: AbstractAsyncContextManager[Engine]) -> AsyncIterator[Find]:
    codes = {_id(code): code for code in films()}
    async with opening as engine:
        for part in batched((_document(code, row) for code, row in films().items()), 1000, strict=False):
            await engine.index.write(part)
        await engine.settle()

        async def find(q: str) -> Sequence[str]:
            return [codes[hit.id] for hit in await engine.hits(TENANT, q, size=SHOWN, highlight=False)]

        yield find


@asynccontextmanager
async def _list(urls: Urls, admin: str) -> AsyncIterator[Find]:
    connection = await asyncpg.connect(admin)
    columns = "tenant_id, id, sku, name, description, category, tags, attributes, status, version, created_at, updated_at"
    await connection.executemany(
        f"insert into items ({columns}) values ($1, $2, $3, $4, '', $5, $6, $7, 'draft', 1, now(), now())",
        [
            (TENANT, _id(code), code, row["Title"], row["Genre"].split(", ")[0], row["Genre"].split(", "), _attributes(row))
            for code, row in films().items()
        ],
    )
    await connection.execute("analyze")
    await connection.close()
    database = Database(urls.app, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
    await database.open()
    current_context.set(RequestContext(request_id="test"))
    pages = ListItemsHandler(database).pages

    async def find(q: str) -> Sequence[str]:
        return [item.sku for item in (await pages.page(ListRequest(q=q, limit=SHOWN), TENANT)).items]

    try:
        yield find
    finally:
        await database.close()


def _attributes(row: Mapping[str, str]) -> str:
    return json.dumps({name.lower(): row[name] for name in ("Year", "Runtime", "Director", "Cast", "Language", "Country")})


async def test_the_mean_reciprocal_rank_of_every_list_of_queries(finding: AbstractAsyncContextManager[Find]) -> None:
    lists: dict[str, Any] = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    assert "queries.json" in lists
    below: dict[str, Any] = {}
    async with finding as find:
        for name, content in lists.items():
            queries = content["queries"]
            answers = {query["q"]: await find(query["q"]) for query in queries}
            relevant = [Qrel(query["q"], code, 1) for query in queries for code in query["relevant"]]
            ranked = [ScoredDoc(q, code, float(-place)) for q, codes in answers.items() for place, code in enumerate(codes)]
            ranks = {one.query_id: one.value for one in ir_measures.iter_calc([RR @ SHOWN], relevant, ranked)}
            mean = sum(ranks.get(query["q"], 0.0) for query in queries) / len(queries)
            print(f"{name}: MRR@{SHOWN} {mean:.3f} over {len(queries)} queries")
            if mean < content["bound"]:
                below[name] = mean, {q: answers[q][:3] for q, rank in ranks.items() if rank < 1}
    assert below == {}

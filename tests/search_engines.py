"""Search engines under test, each behind the port: `ENGINES` opens one by its name, with indexes of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from api_base.application.common.search import DeclaredIndex, SearchIndexes
from api_base.core.protocols import (
    FieldKind,
    SearchDefinition,
    SearchDocument,
    SearchField,
    SearchHit,
    SearchIndex,
    SearchRequest,
    SearchResults,
)
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.search.postgresql_index import PostgresqlSearchIndex
from tests.factories.search import server_index

CANDIDATES: Final = 100
FILMS: Final = SearchDefinition(
    name="films",
    title="title",
    permission="films:read",
    fields=(
        SearchField(name="title", kind=FieldKind.TEXT, weight=10),
        SearchField(name="plot", kind=FieldKind.TEXT, weight=3),
        SearchField(name="people", kind=FieldKind.TEXT, weight=2),
        SearchField(name="genres", kind=FieldKind.KEYWORD, many=True, facet=True, searched=True),
        SearchField(name="year", kind=FieldKind.NUMBER),
        SearchField(name="released", kind=FieldKind.BOOLEAN, facet=True),
        SearchField(name="shown_at", kind=FieldKind.MOMENT),
        SearchField(name="code", kind=FieldKind.KEYWORD),
    ),
)
OTHERS: Final = SearchDefinition(
    name="others",
    title="name",
    permission="others:read",
    fields=(SearchField(name="name", kind=FieldKind.TEXT), SearchField(name="code", kind=FieldKind.NUMBER)),
)


def declared(*definitions: SearchDefinition) -> SearchIndexes:
    indexes = SearchIndexes()
    indexes.add([DeclaredIndex[Any](definition=one, events=(), source=lambda ports: ports) for one in definitions], None)
    return indexes


@dataclass(frozen=True, slots=True)
class Engine:
    """`settle` returns when every write before it can be found."""

    index: SearchIndex
    settle: Callable[[], Awaitable[None]]

    async def put(self, *documents: SearchDocument) -> None:
        await self.index.write(documents)
        await self.settle()

    async def find(self, tenant: UUID, q: str = "", indexes: Sequence[str] = ("films",), **more: Any) -> SearchResults:
        return await self.index.search(SearchRequest(indexes=tuple(indexes), q=q, **more), tenant)

    async def titles(self, tenant: UUID, q: str = "", **more: Any) -> list[str]:
        return [hit.title for hit in await self.hits(tenant, q, **more)]

    async def hits(self, tenant: UUID, q: str = "", **more: Any) -> Sequence[SearchHit]:
        return (await self.find(tenant, q, **more)).hits


def postgresql(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return _postgresql(request.getfixturevalue("migrated"))


@asynccontextmanager
async def _postgresql(urls: Urls) -> AsyncIterator[Engine]:
    app, worker = (Database(url, PoolOptions(size=3, acquire_timeout=10, statement_timeout=20)) for url in (urls.app, urls.worker))
    await app.open()
    await worker.open()
    try:
        index = PostgresqlSearchIndex(app, worker.pool, declared(FILMS, OTHERS), CANDIDATES)
        await index.open()
        yield Engine(index, _nothing)
    finally:
        await worker.close()
        await app.close()


async def _nothing() -> None:
    """PostgreSQL shows a write when it is committed."""


def elasticsearch(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return _server(request.getfixturevalue("elasticsearch_url"))


def opensearch(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Engine]:
    return _server(request.getfixturevalue("opensearch_url"))


@asynccontextmanager
async def _server(url: str) -> AsyncIterator[Engine]:
    async with server_index(url, declared(FILMS, OTHERS), candidates=CANDIDATES) as index:
        yield Engine(index, index.refresh)


ENGINES: Final[Mapping[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Engine]]]] = {
    "elasticsearch": elasticsearch,
    "opensearch": opensearch,
    "postgresql": postgresql,
}


def film(tenant: UUID, title: str, *, id: UUID | None = None, version: int = 1, **values: Any) -> SearchDocument:
    """A film; fields that are not given are empty."""
    everything = {"title": title, "plot": "", "people": "", "genres": (), "year": None, "released": True, "shown_at": None, "code": None}
    return SearchDocument(index="films", tenant_id=tenant, id=id or uuid4(), version=version, values=everything | values)


def gone(document: SearchDocument, version: int) -> SearchDocument:
    return SearchDocument(index=document.index, tenant_id=document.tenant_id, id=document.id, version=version, values=None)

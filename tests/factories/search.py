"""Search indexes on the servers of the tests."""

import asyncio
from bisect import bisect_right, insort
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from api_base.application.common.search import DeclaredIndex, SearchIndexes, SearchSource
from api_base.core.protocols import Clock, FieldKind, Generation, SearchDefinition, SearchDocument, SearchField
from api_base.infrastructure.elasticsearch.address import address_at
from api_base.infrastructure.elasticsearch.client import SearchClient
from api_base.infrastructure.elasticsearch.repository import ElasticsearchSearchIndex
from api_base.infrastructure.resilience.patterns import PolicyConfig, PolicyRegistry
from api_base.infrastructure.system import SystemClock

PATIENT = 20.0
"""Seconds that a call may take where a test is not about slowness: the machine may be busy."""


FILMS = SearchDefinition(
    name="films",
    title="title",
    permission="films:read",
    fields=(
        SearchField(name="title", kind=FieldKind.TEXT, weight=8),
        SearchField(name="plot", kind=FieldKind.TEXT),
        SearchField(name="people", kind=FieldKind.KEYWORD, many=True, searched=True, weight=2),
        SearchField(name="genre", kind=FieldKind.KEYWORD, facet=True),
        SearchField(name="seen", kind=FieldKind.BOOLEAN, facet=True),
        SearchField(name="year", kind=FieldKind.NUMBER),
    ),
)


def film(tenant: UUID, title: str = "The Godfather", *, id: UUID | None = None, version: int = 1, **values: Any) -> SearchDocument:
    """One version of a film."""
    return SearchDocument(index="films", tenant_id=tenant, id=id or uuid4(), version=version, values={"title": title, **values})


def deleted(document: SearchDocument, version: int) -> SearchDocument:
    """The deletion of a document."""
    return replace(document, version=version, values=None)


def declared(*definitions: SearchDefinition, source: Any = None, events: Sequence[str] = ()) -> SearchIndexes:
    """Indexes as contexts declare them."""
    indexes = SearchIndexes()
    indexes.add([DeclaredIndex(definition=one, events=tuple(events), source=lambda ports: source) for one in definitions], None)
    return indexes


def search_client(url: str, seconds: float = PATIENT) -> SearchClient:
    policies = PolicyRegistry(PolicyConfig())
    return SearchClient(address_at(url), policies.dispensable("search", seconds), policies.dispensable("writes", seconds), seconds, seconds)


class ServerIndex(ElasticsearchSearchIndex):
    """The adapter under test, which a test can ask to show what was written."""

    def __init__(
        self, client: SearchClient, indexes: SearchIndexes, prefix: str, candidates: int = 1000, clock: Clock | None = None
    ) -> None:
        super().__init__(client, indexes, clock or SystemClock(), prefix=prefix, candidates=candidates)
        self.client, self.prefix = client, prefix

    async def refresh(self) -> None:
        """Show every write to searches: an index does it twice a second."""
        await self.client.call("POST", f"/{self.prefix}.*/_refresh")

    async def remove(self) -> None:
        for name in await self.client.call("GET", f"/{self.prefix}.*/_alias"):
            await self.client.call("DELETE", f"/{name}")


@asynccontextmanager
async def server_index(
    url: str, indexes: SearchIndexes, *, seconds: float = PATIENT, prefix: str = "", **options: int
) -> AsyncIterator[ServerIndex]:
    """The adapter on indexes of its own, which end with the block."""
    index = ServerIndex(search_client(url, seconds), indexes, prefix or f"test-{uuid4().hex}", **options)
    try:
        yield index
    finally:
        await index.close()
        client = search_client(url)
        await ServerIndex(client, indexes, index.prefix).remove()
        await client.close()


class Rows(SearchSource):
    """What the database holds of one index, in memory: the newest version of each document."""

    def __init__(self) -> None:
        self.stored: dict[tuple[UUID, UUID], SearchDocument] = {}
        self._order: list[tuple[UUID, UUID]] = []

    def store(self, *documents: SearchDocument) -> None:
        for one in documents:
            key = (one.tenant_id, one.id)
            if key not in self.stored:
                insort(self._order, key)
            self.stored[key] = one

    async def load(self, tenant: UUID, ids: Sequence[UUID]) -> Sequence[SearchDocument]:
        return [self.stored[tenant, id] for id in ids if (tenant, id) in self.stored]

    async def tenants(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        return list(dict.fromkeys(tenant for tenant, _ in self._order if after is None or tenant > after))[:limit]

    async def page(self, tenant: UUID, after: UUID | None, limit: int) -> Sequence[SearchDocument]:
        start = bisect_right(self._order, (tenant, after or UUID(int=0)))
        return [self.stored[key] for key in self._order[start : start + limit] if key[0] == tenant]


async def held_by(index: ElasticsearchSearchIndex, name: str, generation: Generation = Generation.LIVE) -> dict[UUID, tuple[int, str]]:
    """Version and digest of each stored document, by id."""
    return {one.id: (one.version, one.digest) async for batch in index.scan(name, generation) for one in batch}


async def eventually(condition: Any, seconds: float = 30.0) -> Any:
    """Wait until `condition` returns something true, and return it."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
        return found

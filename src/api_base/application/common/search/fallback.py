"""A search server, with a table of PostgreSQL for the time that it cannot be used. Both get every write and are rebuilt together."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from api_base.core.errors import Conflict, Unavailable
from api_base.core.protocols import (
    Generation,
    IndexedDocument,
    IndexState,
    SearchDefinition,
    SearchDocument,
    SearchIndex,
    SearchRequest,
    SearchResults,
)
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)


class FallbackSearchIndex(SearchIndex):
    """Searches `server`, or else `database`. States, comparisons and checks are those of `server`.

    The next page of a search that changes over has no place in the other engine: its cursor is refused, and the first page is to be requested again.
    """

    def __init__(self, server: SearchIndex, database: SearchIndex) -> None:
        self._server, self._database = server, database

    def problems(self, definition: SearchDefinition) -> Sequence[str]:
        return [*self._server.problems(definition), *self._database.problems(definition)]

    async def open(self) -> None:
        await self._database.open()
        await self._server.open()

    async def close(self) -> None:
        await self._server.close()
        await self._database.close()

    async def search(self, request: SearchRequest, tenant: UUID) -> SearchResults:
        try:
            return await self._server.search(request, tenant)
        except Unavailable as error:
            logger.warning("search_falls_back", reason=str(error))
            return await self._database.search(request, tenant)

    async def write(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the database first: it has the documents while the server is away, and the caller repeats the write until both have them."""
        await self._database.write(documents)
        await self._server.write(documents)

    async def fill(self, documents: Sequence[SearchDocument]) -> None:
        await self._database.fill(documents)
        await self._server.fill(documents)

    async def repair(self, documents: Sequence[SearchDocument]) -> None:
        await self._database.repair(documents)
        await self._server.repair(documents)

    async def states(self) -> Sequence[IndexState]:
        return await self._server.states()

    async def begin(self, index: str) -> None:
        await self._database.begin(index)
        await self._server.begin(index)

    async def swap(self, index: str) -> None:
        await self._database.swap(index)
        await self._server.swap(index)

    async def revert(self, index: str) -> None:
        """Revert both. Raises `Conflict`, and reverts none, if one of them has no previous generation."""
        states = [*await self._server.states(), *await self._database.states()]
        if not all(Generation.PREVIOUS in one.digests for one in states if one.index == index):
            raise Conflict(f"The index {index!r} has no previous generation in both engines: rebuild it.")
        await self._server.revert(index)
        await self._database.revert(index)

    def scan(self, index: str, generation: Generation) -> AsyncIterator[Sequence[IndexedDocument]]:
        return self._server.scan(index, generation)

    async def forget(self) -> int:
        return await self._database.forget() + await self._server.forget()

    async def check(self) -> str:
        return f"{await self._server.check()}, or else {await self._database.check()}"

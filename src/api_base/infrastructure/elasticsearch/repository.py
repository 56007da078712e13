"""The search index in Elasticsearch or OpenSearch.

A document has the id `<tenant>.<id>` and is stored by the routing of its tenant; every search has that routing and a filter of the tenant, whatever it
asks. Versions are external: the server refuses one that is older than the stored one. A deletion writes a tombstone, because the server
forgets the version of a deleted document after a minute.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final
from uuid import UUID

from api_base.application.common.search import SearchIndexes
from api_base.core.errors import NotIndexed, Unavailable
from api_base.core.protocols import (
    TOMBSTONES,
    Clock,
    Generation,
    IndexedDocument,
    IndexState,
    Probe,
    SearchDefinition,
    SearchDocument,
    SearchIndex,
    SearchRequest,
    SearchResults,
)
from api_base.infrastructure.elasticsearch import mapping
from api_base.infrastructure.elasticsearch import query as q
from api_base.infrastructure.elasticsearch.client import MESSAGE, OVERLOADED, RequestRefused, SearchClient
from api_base.infrastructure.elasticsearch.generations import ORDER, Generations
from api_base.infrastructure.elasticsearch.searching import Searching
from api_base.infrastructure.elasticsearch.specification import indexed
from api_base.infrastructure.serialization.json_codec import encode

BULK_BYTES: Final = 1_000_000
"""Size of a bulk request with several documents: from 1 MiB on, the clients warn that sending it could block the event loop."""
SCAN_SIZE: Final = 1000
SCAN_KEEP_ALIVE: Final = "5m"
CONFLICT, MISSING = 409, 404


class ElasticsearchSearchIndex(SearchIndex, Probe):
    """`candidates` is the number of hits up to which the total is exact. Names of stored indexes begin with `prefix`."""

    def __init__(self, client: SearchClient, indexes: SearchIndexes, clock: Clock, *, prefix: str, candidates: int) -> None:
        self._client, self._indexes, self._clock = client, indexes, clock
        self._generations = Generations(client, prefix)
        self._searching = Searching(client, indexes, self._generations, candidates)

    def problems(self, definition: SearchDefinition) -> Sequence[str]:
        """Return what no mapping can express."""
        return list(mapping.problems(definition))

    async def open(self) -> None:
        """Create the indexes that do not exist. While the server is away, a process starts without: the first write creates them."""
        with suppress(Unavailable):
            for definition in self._indexes.definitions.values():
                await self._generations.create_first(definition)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def search(self, request: SearchRequest, tenant: UUID) -> SearchResults:
        """Return a page. Raises `Invalid` for a cursor of another request, and `Unavailable`."""
        return await self._searching.search(request, tenant)

    async def write(self, documents: Sequence[SearchDocument]) -> None:
        """Write to every generation. Raises `NotIndexed`, and `Unavailable`."""
        for index in dict.fromkeys(one.index for one in documents):
            await self._write(index, [one for one in documents if one.index == index])

    async def _write(self, index: str, documents: Sequence[SearchDocument]) -> None:
        """Generations may be swapped during the write. If one is gone, everything is looked up and written again: versions make that harmless."""
        definition = self._indexes.definition(index)
        for _ in range(5):
            stored = await self._generations.stored(index)
            if Generation.LIVE not in stored:
                await self._generations.create_first(definition)
                continue
            if await self._bulk(definition, documents, [one for one in ORDER if one in stored], "external"):
                return
        raise Unavailable(MESSAGE, reason=f"the generations of the index {index!r} change all the time")

    async def fill(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the generation that is being built. Raises `NotIndexed`, and `Unavailable`."""
        for index in dict.fromkeys(one.index for one in documents):
            some = [one for one in documents if one.index == index]
            if not await self._bulk(self._indexes.definition(index), some, [Generation.BUILDING], "external"):
                raise Unavailable(MESSAGE, reason=f"the generation of the index {index!r} that was being built is gone")

    async def repair(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the live generation, over the same version as well. Raises `NotIndexed`, and `Unavailable`."""
        for index in dict.fromkeys(one.index for one in documents):
            some = [one for one in documents if one.index == index]
            if not await self._bulk(self._indexes.definition(index), some, [Generation.LIVE], "external_gte"):
                raise Unavailable(MESSAGE, reason=f"the index {index!r} does not exist")

    async def _bulk(
        self, definition: SearchDefinition, documents: Iterable[SearchDocument], generations: Sequence[Generation], versions: str
    ) -> bool:
        """Write in parts of `BULK_BYTES`. Returns whether all generations existed. Raises `NotIndexed` with all that were refused."""
        refused: dict[UUID, str] = {}
        part = bytearray()
        for document in documents:
            lines = self._lines(definition, document, generations, versions)
            if part and len(part) + len(lines) > BULK_BYTES:
                if not await self._send(part, refused):
                    return False
                part.clear()
            part += lines
        if part and not await self._send(part, refused):
            return False
        if refused:
            raise NotIndexed(definition.name, refused)
        return True

    def _lines(self, definition: SearchDefinition, document: SearchDocument, generations: Sequence[Generation], versions: str) -> bytes:
        """Return the lines of one document for all generations."""
        stored = encode(mapping.document(definition, document, self._clock.now()))
        place = {
            "_id": f"{document.tenant_id}.{document.id}",
            "routing": str(document.tenant_id),
            "version": document.version,
            "version_type": versions,
        }
        aliases = [self._generations.alias(definition.name, generation) for generation in generations]
        return b"".join(b"%s\n%s\n" % (encode({"index": {"_index": alias, **place}}), stored) for alias in aliases)

    async def _send(self, lines: bytearray, refused: dict[UUID, str]) -> bool:
        """Send one bulk request. Returns False if a generation is gone. Adds the ids that were refused. Raises `Unavailable`."""
        answer = await self._client.bulk(bytes(lines), require_alias="true")
        for item in answer["items"] if answer["errors"] else ():
            result = item["index"]
            error = result.get("error")
            if error is None or result["status"] == CONFLICT:
                continue
            if result["status"] == MISSING:
                return False
            reason = f"{error['type']}: {error.get('reason')}"[:500]
            if result["status"] in OVERLOADED or error["type"] == "cluster_block_exception":
                raise Unavailable(MESSAGE, reason=reason)
            refused[UUID(result["_id"].partition(".")[2])] = reason
        return True

    async def states(self) -> Sequence[IndexState]:
        """Return the generations of every declared index."""
        return [IndexState(index=name, digests=await self._generations.digests(name)) for name in self._indexes.definitions]

    async def begin(self, index: str) -> None:
        """Begin a new generation beside the live one."""
        definition = self._indexes.definition(index)
        await self._generations.create_first(definition)
        await self._generations.begin(definition)

    async def swap(self, index: str) -> None:
        """Make the generation that is being built live. Raises `Conflict` if there is none."""
        await self._client.call("POST", f"/{self._generations.alias(index, Generation.BUILDING)}/_refresh", ignore_unavailable="true")
        await self._generations.swap(index)

    async def revert(self, index: str) -> None:
        """Make the previous generation live again. Raises `Conflict` if there is none."""
        await self._generations.revert(index)

    async def scan(self, index: str, generation: Generation) -> AsyncIterator[Sequence[IndexedDocument]]:
        """Yield all documents and tombstones at one moment, by tenant and id. An index that does not exist is empty."""
        alias = self._generations.alias(index, generation)
        try:
            await self._client.call("POST", f"/{alias}/_refresh")
            at = await self._client.point_in_time(alias, SCAN_KEEP_ALIVE)
        except RequestRefused as error:
            if error.status == MISSING:
                return
            raise
        try:
            async with aclosing(self._pages(at)) as pages:
                async for page in pages:
                    yield page
        finally:
            await self._client.close_point_in_time(at)

    async def _pages(self, at: q.PointInTime) -> AsyncGenerator[Sequence[IndexedDocument]]:
        after: Sequence[str] = ()
        while True:
            search = q.Search(
                query=q.EVERYTHING,
                size=SCAN_SIZE,
                sort=(("tenant", "asc"), ("id", "asc")),
                after=after,
                fields=("digest", "deleted"),
                at=at,
            )
            answer = await self._client.call("POST", "/_search", {**search.body, "version": True})
            hits = answer["hits"]["hits"]
            if not hits:
                return
            yield [_indexed(hit) for hit in hits]
            after = hits[-1]["sort"][:2]

    async def forget(self) -> int:
        """Remove the tombstones that no event needs, in every generation, and return their number."""
        removed = 0
        limit = indexed(self._clock.now() - TOMBSTONES)
        old = q.boolean(filter=[q.term("deleted", True), q.between("written", lt=limit)])
        for index in self._indexes.definitions:
            for generation in await self._generations.stored(index):
                alias = self._generations.alias(index, generation)
                answer = await self._client.call("POST", f"/{alias}/_delete_by_query", {"query": old.body}, conflicts="proceed")
                removed += answer["deleted"]
        return removed

    async def check(self) -> str:
        """Connect, and return the name of the server. Raises `Unavailable`."""
        return await self._client.check()


def _indexed(hit: Mapping[str, Any]) -> IndexedDocument:
    tenant, id = hit["sort"][:2]
    return IndexedDocument(tenant_id=UUID(tenant), id=UUID(id), version=hit["_version"], digest=hit["_source"]["digest"])

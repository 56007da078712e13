"""Rebuild an index beside the live one, while writes go on: every write that begins after `begin` goes to the new generation as well, and whatever was
committed before is read from PostgreSQL afterwards. Versions decide which of the two a document shows.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from api_base.application.common.search.declared import SearchIndexes, SearchSource
from api_base.core.protocols import SearchDocument, SearchIndex

PAGE: Final = 500
"""Documents that are read and written together."""
TENANTS: Final = 1000


async def stored_documents(source: SearchSource) -> AsyncIterator[Sequence[SearchDocument]]:
    """Yield all documents of PostgreSQL in batches of one tenant each, by tenant and id. Needs the memory of one batch."""
    tenant = None
    while tenants := await source.tenants(tenant, TENANTS):
        for tenant in tenants:
            after = None
            while page := await source.page(tenant, after, PAGE):
                yield page
                after = page[-1].id
                if len(page) < PAGE:
                    break


async def rebuild(engine: SearchIndex, indexes: SearchIndexes, index: str, progress: Callable[[int], None]) -> int:
    """Build a new generation of `index`, make it live, and return the number of its documents. `progress` gets the number written so far.

    Raises `NotIndexed` for documents that the engine refuses: the live generation stays.
    """
    await engine.begin(index)
    written = 0
    async for page in stored_documents(indexes.sources[index]):
        await engine.fill(page)
        written += len(page)
        progress(written)
    await engine.swap(index)
    return written

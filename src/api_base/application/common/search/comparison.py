"""Compare an index with the database, and repair it.

Both are read once, in the same order, so the memory does not grow with them. Changes go on meanwhile and reach the index a moment later: a document
counts as different only if it was the same difference in two comparisons with a pause between them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import batched, groupby
from typing import Final
from uuid import UUID

from api_base.application.common.search.declared import SearchIndexes
from api_base.application.common.search.rebuilding import PAGE, stored_documents
from api_base.core.protocols import GONE, Generation, IndexedDocument, SearchDocument, SearchIndex

MAX_DIFFERENCES: Final = 10_000
"""Differences that one comparison remembers. An index with more has to be rebuilt."""
SETTLING_SECONDS: Final = 3.0
"""The time in which a change reaches the index."""


class Fault(Enum):
    """What is wrong with a document of the index."""

    MISSING = "missing"
    DIFFERENT = "different"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A document that the index does not hold as the database does. `version` is that of the database; 0 without a row."""

    tenant_id: UUID
    id: UUID
    fault: Fault
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`complete` is False if there are more differences than `MAX_DIFFERENCES`."""

    documents: int
    differences: Sequence[Difference]
    complete: bool

    @property
    def equal(self) -> bool:
        """Return whether the index is known to hold what the database does."""
        return self.complete and not self.differences


class IndexVerifier:
    """Compares the live generations with the sources of their documents. `pause` is in seconds."""

    def __init__(self, engine: SearchIndex, indexes: SearchIndexes, pause: float = SETTLING_SECONDS) -> None:
        self._engine, self._indexes, self._pause = engine, indexes, pause

    async def verify(self, index: str, progress: Callable[[int], None]) -> Comparison:
        """Return the differences that last. `progress` gets the number of documents compared so far."""
        first = await self._compare(index, progress)
        if not first.differences:
            return first
        await asyncio.sleep(self._pause)
        second = await self._compare(index, progress)
        before = set(first.differences)
        lasting = [one for one in second.differences if one in before]
        complete = second.complete and (first.complete or not second.differences)
        return Comparison(documents=second.documents, differences=lasting, complete=complete)

    async def repair(self, index: str, differences: Sequence[Difference]) -> None:
        """Write the documents as the database has them now. Raises `NotIndexed` for those that the engine refuses."""
        for tenant, group in groupby(sorted(differences, key=lambda one: one.tenant_id), key=lambda one: one.tenant_id):
            for ids in batched((one.id for one in group), PAGE, strict=False):
                found = await self._indexes.sources[index].load(tenant, ids)
                gone = set(ids) - {one.id for one in found}
                documents = [*found, *(SearchDocument(index=index, tenant_id=tenant, id=id, version=GONE, values=None) for id in gone)]
                await self._engine.repair(documents)

    async def _compare(self, index: str, progress: Callable[[int], None]) -> Comparison:
        differences: list[Difference] = []
        documents, complete = 0, True
        stored = _flat(stored_documents(self._indexes.sources[index]))
        indexed = _flat(self._engine.scan(index, Generation.LIVE))
        async for row, held in _joined(stored, indexed):
            documents += row is not None
            if row is not None and documents % 1000 == 0:
                progress(documents)
            if (difference := _difference(row, held)) is not None:
                complete = complete and len(differences) < MAX_DIFFERENCES
                if complete:
                    differences.append(difference)
        progress(documents)
        return Comparison(documents=documents, differences=differences, complete=complete)


def _difference(row: SearchDocument | None, held: IndexedDocument | None) -> Difference | None:
    """Return what is wrong. A deleted document may have a tombstone, or nothing."""
    if row is None or row.values is None:
        if held is None or not held.digest:
            return None
        return Difference(tenant_id=held.tenant_id, id=held.id, fault=Fault.SURPLUS, version=row.version if row else 0)
    if held is None:
        fault = Fault.MISSING
    elif (held.version, held.digest) == (row.version, row.digest):
        return None
    else:
        fault = Fault.DIFFERENT
    return Difference(tenant_id=row.tenant_id, id=row.id, fault=fault, version=row.version)


async def _flat[T](batches: AsyncIterator[Sequence[T]]) -> AsyncIterator[T]:
    async for batch in batches:
        for one in batch:
            yield one


async def _joined(
    rows: AsyncIterator[SearchDocument], held: AsyncIterator[IndexedDocument]
) -> AsyncIterator[tuple[SearchDocument | None, IndexedDocument | None]]:
    """Yield the pairs of the same tenant and id, and None for what only one side has. Both sides are in order."""
    left, right = await anext(rows, None), await anext(held, None)
    while left is not None or right is not None:
        first = (left.tenant_id, left.id) if left is not None else None
        second = (right.tenant_id, right.id) if right is not None else None
        if second is None or (first is not None and first < second):
            yield left, None
            left = await anext(rows, None)
        elif first is None or second < first:
            yield None, right
            right = await anext(held, None)
        else:
            yield left, right
            left, right = await anext(rows, None), await anext(held, None)

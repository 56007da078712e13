"""Keeps indexes up to date: after each event, the document of its aggregate is read as it is now, and written with its version.

Events may arrive late, twice, and in any order: the version of the row decides, not that of the event.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from api_base.application.common.search.declared import SearchIndexes
from api_base.core.protocols import GONE, SearchDocument, SearchIndex
from api_base.domain.common.events import DurableSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChanged:
    """What an index reads of an event."""

    aggregate_id: UUID
    tenant_id: UUID


class SearchIndexer:
    """Subscribes to the events that the declared indexes name."""

    def __init__(self, engine: SearchIndex, indexes: SearchIndexes) -> None:
        self._engine, self._indexes = engine, indexes

    def subscriptions(self) -> Iterator[DurableSubscription]:
        """Yield a subscription for each index and event."""
        for index, event in self._indexes.events():
            yield DurableSubscription(
                name=f"search.{index}_on_{event.replace('.', '_')}",
                event=event,
                payload=DocumentChanged,
                handle=partial(self._write, index),
            )

    async def _write(self, index: str, event: DocumentChanged) -> None:
        found = await self._indexes.sources[index].load(event.tenant_id, [event.aggregate_id])
        gone = SearchDocument(index=index, tenant_id=event.tenant_id, id=event.aggregate_id, version=GONE, values=None)
        await self._engine.write(found or [gone])

"""A rebalance waits for the current record, not for the batch: finished records are committed, the others released."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiokafka import ConsumerRebalanceListener, TopicPartition


class Rebalance(ConsumerRebalanceListener):
    """The driver notifies it; a consumer checks `in_progress` before each record of a batch.

    `assignments` counts assignments of partitions: state that was prepared for one is not valid for the next.
    """

    def __init__(self) -> None:
        self.in_progress = False
        self.assignments = 0
        self._batch = asyncio.Lock()

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        """Delay a rebalance while a batch is handled and committed."""
        async with self._batch:
            yield

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self.in_progress = True
        async with self._batch:
            return

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.in_progress = False
        self.assignments += 1

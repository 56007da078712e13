"""A rebalance waits for the record in hand, not for the batch: what is done is committed, and the rest given back."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiokafka import ConsumerRebalanceListener, TopicPartition


class Rebalance(ConsumerRebalanceListener):
    """The driver tells it; whoever works through a batch looks at `under_way` before each record.

    `assignments` counts them: what was made for the partitions of one is not for those of the next.
    """

    def __init__(self) -> None:
        self.under_way = False
        self.assignments = 0
        self._batch = asyncio.Lock()

    @asynccontextmanager
    async def in_hand(self) -> AsyncIterator[None]:
        """While a batch is worked on and committed."""
        async with self._batch:
            yield

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self.under_way = True
        async with self._batch:
            return

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.under_way = False
        self.assignments += 1

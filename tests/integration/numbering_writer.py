"""A process that numbers items until it is killed: several units of work together, in one tenant.

It is forked from a process that has imported everything (multiprocessing's forkserver).
"""

import asyncio
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from uuid import UUID

from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.sequences.store import SqlSequences
from tests.factories.items import item
from tests.support import Stored, act_for, stored


def loaded_parent() -> ForkServerContext:
    """Return a context whose processes are forked from one that has imported this module."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def number_for_ever(urls: Urls, tenant: UUID) -> None:
    asyncio.run(_number_for_ever(urls, tenant))


async def _number_for_ever(urls: Urls, tenant: UUID) -> None:
    act_for(tenant)
    async with stored(urls, size=4) as store, asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(_writer(store, tenant))


async def _writer(store: Stored, tenant: UUID) -> None:
    while True:
        await numbered(store, tenant)


async def numbered(store: Stored, tenant: UUID) -> int:
    """Create an item whose sku is the next number."""
    async with store.begin(Isolation.OPTIMISTIC):
        number = await SqlSequences().next("item_no")
        await store.items.create(item(tenant_id=tenant, sku=f"NO-{number}"))
    return number

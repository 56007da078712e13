"""The lock of an idempotency key: one holder, nobody waits, and whoever holds it gives it up with the transaction, however that ends."""

import asyncio
from uuid import UUID, uuid4

import pytest

from api_base.core.errors import RequestInProgress
from api_base.core.protocols import Isolation
from api_base.core.types import KeyedRequest, TenantId, UserId
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.idempotency.store import SqlIdempotencyStore
from tests.support import FixedClock, Stored, act_for, stored


def request(key: bytes = b"k" * 32, tenant: UUID = UUID(int=1)) -> KeyedRequest:
    return KeyedRequest(tenant_id=TenantId(tenant), user_id=UserId(UUID(int=2)), route="POST /items", key=key, fingerprint=b"f" * 32)


async def lock(store: Stored, keyed: KeyedRequest) -> None:
    """Lock a key in a unit of work of its own."""
    async with store.begin(Isolation.OPTIMISTIC):
        await SqlIdempotencyStore(store.database, FixedClock()).lock(keyed)


async def test_a_second_holder_is_refused_while_the_first_is_at_work(shared_migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(shared_migrated, size=2) as store:
        locked, release = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with store.begin(Isolation.OPTIMISTIC):
                await SqlIdempotencyStore(store.database, FixedClock()).lock(request(tenant=tenant))
                locked.set()
                await release.wait()

        first = asyncio.create_task(hold())
        await locked.wait()
        with pytest.raises(RequestInProgress):
            await lock(store, request(tenant=tenant))
        await lock(store, request(tenant=tenant, key=b"o" * 32))  # another key
        await lock(store, request(tenant=uuid4()))  # the same key in another tenant
        release.set()
        await first
        await lock(store, request(tenant=tenant))  # the next holder


async def test_a_cancelled_holder_leaves_the_key_to_the_next(shared_migrated: Urls) -> None:
    tenant = uuid4()
    act_for(tenant)
    async with stored(shared_migrated, size=2) as store:
        locked = asyncio.Event()

        async def hold() -> None:
            async with store.begin(Isolation.OPTIMISTIC):
                await SqlIdempotencyStore(store.database, FixedClock()).lock(request(tenant=tenant))
                locked.set()
                await asyncio.Event().wait()

        first = asyncio.create_task(hold())
        await locked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        async with asyncio.timeout(5):
            while not await free(store, request(tenant=tenant)):  # its connection ends in a task of its own
                await asyncio.sleep(0.01)


async def free(store: Stored, keyed: KeyedRequest) -> bool:
    try:
        await lock(store, keyed)
    except RequestInProgress:
        return False
    return True

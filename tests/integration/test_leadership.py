"""One process at a time leads, and a former leader has no effect: it is refused by PostgreSQL, whatever Redis says."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from api_base.infrastructure.db.connecting import Connection, PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.locks.leadership import DatabaseLeadership, Leadership
from api_base.infrastructure.locks.redis_leadership import RedisLeadership
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.resilience.patterns import PolicyConfig, PolicyRegistry
from tests.redis_topologies import Node, sentinel

LEASE = 0.5
PATIENCE = 30.0
WORK = "work"

type Make = Callable[[], Leadership]
type Transaction = Callable[[], AbstractAsyncContextManager[Connection]]


@pytest.fixture
async def transaction(migrated: Urls) -> AsyncIterator[Transaction]:
    """A transaction of a worker."""
    database = Database(migrated.worker, PoolOptions(size=8, acquire_timeout=10, statement_timeout=20))
    await database.open()

    @asynccontextmanager
    async def begun() -> AsyncIterator[Connection]:
        connection = await database.pool.acquire()
        try:
            async with connection.transaction():
                yield connection
        finally:
            database.pool.release(connection)

    yield begun
    await database.close()


def on_redis(url: str, service: str, seconds: float = LEASE) -> RedisLeadership:
    policy = PolicyRegistry(PolicyConfig()).dispensable("redis", 5.0)
    return RedisLeadership(RedisClient(address_at(url), policy, 5.0), service, seconds)


@pytest.fixture(params=["database", "redis", "redis_sentinel", "redis_cluster"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes the leadership of another process."""
    made: list[Leadership] = []
    service = uuid4().hex

    def one() -> Leadership:
        url = "" if request.param == "database" else request.getfixturevalue(f"{request.param}_url")
        made.append(on_redis(url, service) if url else DatabaseLeadership())
        return made[-1]

    yield one
    for leadership in made:
        await leadership.close()


@pytest.mark.slow
async def test_of_many_processes_one_leads(make: Make, transaction: Transaction) -> None:
    leading = most = turns = 0

    async def work(leadership: Leadership) -> None:
        nonlocal leading, most, turns
        for _ in range(20):
            async with transaction() as connection:
                if await leadership.leads(connection, WORK):
                    leading, turns = leading + 1, turns + 1
                    most = max(most, leading)
                    await asyncio.sleep(0.005)
                    leading -= 1

    await asyncio.gather(*(work(make()) for _ in range(6)))
    assert (most, turns > 0) == (1, True)


async def test_different_work_has_different_leaders(make: Make, transaction: Transaction) -> None:
    one, other = make(), make()
    async with transaction() as first, transaction() as second:
        assert await one.leads(first, WORK)
        assert await other.leads(second, "other work")


async def test_a_leader_leads_again(make: Make, transaction: Transaction) -> None:
    one = make()
    for _ in range(3):
        async with transaction() as connection:
            assert await one.leads(connection, WORK)


async def test_a_leader_that_ends_is_replaced(make: Make, transaction: Transaction) -> None:
    one, other = make(), make()
    async with transaction() as connection:
        assert await one.leads(connection, WORK)
    await one.close()
    async with transaction() as connection:
        assert await other.leads(connection, WORK)


async def test_two_transactions_of_one_process_do_not_lead_beside_each_other(make: Make, transaction: Transaction) -> None:
    one = make()
    async with transaction() as first, transaction() as second:
        assert await one.leads(first, WORK)
        assert not await one.leads(second, WORK)
    async with transaction() as again:
        assert await one.leads(again, WORK)


async def test_a_leader_whose_transaction_rolls_back_leads_again(redis_url: str, transaction: Transaction) -> None:
    one = on_redis(redis_url, uuid4().hex)
    with pytest.raises(ZeroDivisionError):
        async with transaction() as connection:
            assert await one.leads(connection, WORK)
            raise ZeroDivisionError
    assert await leading(one, transaction)
    await one.close()


async def leading(leadership: Leadership, transaction: Transaction) -> bool:
    """Whether it leads within a lease and a little."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        async with transaction() as connection:
            if await leadership.leads(connection, WORK):
                return True
        await asyncio.sleep(0.05)
    return False


async def test_a_leader_that_paused_past_its_lease_has_no_effect(redis_url: str, transaction: Transaction) -> None:
    service = uuid4().hex
    paused, other = on_redis(redis_url, service), on_redis(redis_url, service)
    async with transaction() as connection:
        assert await paused.leads(connection, WORK)
    assert await leading(other, transaction)
    for _ in range(3):
        async with transaction() as connection:
            assert not await paused.leads(connection, WORK)
    await other.close()
    assert await leading(paused, transaction)
    await paused.close()


async def test_a_new_leader_waits_for_the_transaction_of_a_paused_one(redis_url: str, transaction: Transaction) -> None:
    service = uuid4().hex
    paused, other = on_redis(redis_url, service), on_redis(redis_url, service)
    async with transaction() as connection:
        assert await paused.leads(connection, WORK)
        await gone(redis_url, service)
        for _ in range(3):
            async with transaction() as beside:
                assert not await other.leads(beside, WORK), "two leaders at one time"
    assert await leading(other, transaction)
    async with transaction() as connection:
        assert not await paused.leads(connection, WORK)
    for one in (paused, other):
        await one.close()


async def gone(url: str, service: str) -> None:
    """Wait until the lease has ended."""
    async with Redis.from_url(url) as server, asyncio.timeout(PATIENCE):
        while await server.keys(f"{service}:*"):
            await asyncio.sleep(0.02)


async def test_a_lease_that_redis_lost_lets_one_lead(redis_url: str, transaction: Transaction) -> None:
    """As after a failover: both hold what they believe is the lease."""
    service = uuid4().hex
    former, other = on_redis(redis_url, service, 60.0), on_redis(redis_url, service, 60.0)
    async with transaction() as connection:
        assert await former.leads(connection, WORK)
    async with Redis.from_url(redis_url) as server:
        (key,) = await server.keys(f"{service}:*")
        lease = await server.getdel(key)
        async with transaction() as connection:
            assert await other.leads(connection, WORK)
        await server.set(key, lease, px=60_000)  # and now Redis says again that the former one leads
    async with transaction() as connection:
        assert not await former.leads(connection, WORK), "PostgreSQL knows a newer leader"
    for one in (former, other):
        await one.close()


async def test_a_number_that_was_rolled_back_is_nobody_elses(redis_url: str, transaction: Transaction) -> None:
    service = uuid4().hex
    former, other = on_redis(redis_url, service, 60.0), on_redis(redis_url, service, 60.0)
    with pytest.raises(ZeroDivisionError):
        async with transaction() as connection:
            assert await former.leads(connection, WORK)
            raise ZeroDivisionError
    async with Redis.from_url(redis_url) as server:
        (key,) = await server.keys(f"{service}:*")
        lease = await server.getdel(key)
        async with transaction() as connection:
            assert await other.leads(connection, WORK)
        await server.set(key, lease, px=60_000)
    async with transaction() as connection:
        assert not await former.leads(connection, WORK)
    for one in (former, other):
        await one.close()


async def test_who_holds_a_lease_without_a_number_does_not_lead(redis_url: str, transaction: Transaction) -> None:
    """The answer that gave the lease was lost."""
    one = on_redis(redis_url, uuid4().hex, 60.0)
    await one._client.call(lambda _: one._hold([one._key(WORK)], [one._id, 60_000]))
    async with transaction() as connection:
        assert not await one.leads(connection, WORK)
    assert await leading(one, transaction)
    await one.close()


@pytest.mark.slow
async def test_a_failover_that_loses_the_lease_lets_one_lead(tmp_path: Path, transaction: Transaction) -> None:
    with sentinel(tmp_path) as servers:
        former, other = on_redis(servers.url, "tests", 60.0), on_redis(servers.url, "tests", 60.0)
        os.kill(pid(servers.replica), signal.SIGSTOP)
        with SyncRedis(port=servers.primary.port) as server:
            server.client_kill_filter(_type="replica")  # what the primary has sent would still be read
        async with transaction() as connection:
            assert await former.leads(connection, WORK)
        servers.fail()
        os.kill(pid(servers.replica), signal.SIGCONT)
        assert await leading(other, transaction)
        for _ in range(3):
            async with transaction() as connection:
                assert not await former.leads(connection, WORK)
        for one in (former, other):
            await one.close()


def pid(node: Node) -> int:
    assert node.process is not None
    return node.process.pid


async def test_without_redis_nobody_leads(transaction: Transaction) -> None:
    policy = PolicyRegistry(PolicyConfig()).dispensable("redis", 0.2)
    alone = RedisLeadership(RedisClient(address_at("redis://127.0.0.1:1"), policy, 0.2), "tests", LEASE)
    async with transaction() as connection:
        assert not await alone.leads(connection, WORK)
    await alone.close()

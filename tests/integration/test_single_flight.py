"""One load among the processes that share Redis, also when it fails, stores nothing, or its process is killed; and one for each without Redis."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from api_base.core.errors import Unavailable
from api_base.core.protocols import CacheProvider
from api_base.infrastructure.cache.decorators import cached
from api_base.infrastructure.cache.flights import CLAIM
from api_base.infrastructure.cache.redis_provider import RedisCaches
from tests.factories.cache import PATIENCE, redis_caches, tiered_caches
from tests.integration.cache_reader import READERS

PROCESSES = 4

type Start = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
def owner() -> UUID:
    return uuid4()


@pytest.fixture(params=["", "tiered+"], ids=["redis", "tiered"])
def url(request: pytest.FixtureRequest, redis_url: str) -> str:
    return f"{request.param}{redis_url}"


@pytest.fixture
async def start(url: str, owner: UUID) -> AsyncIterator[Start]:
    """Starts readers, each a process that is ready to read."""
    started: list[asyncio.subprocess.Process] = []

    async def one(hold: bool = False) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tests.integration.cache_reader", url, str(owner), str(int(hold))]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        started.append(process)
        assert await said(process) == ["ready"]
        return process

    yield one
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().split()


def go(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")


async def loads(redis_url: str, owner: UUID) -> int:
    async with Redis.from_url(redis_url) as server:
        return int(await server.get(f"loads:{owner}") or 0)


async def test_200_readers_of_an_expired_key_in_four_processes_cause_one_load(start: Start, redis_url: str, owner: UUID) -> None:
    earlier = redis_caches(redis_url).providers("texts", str)(owner)
    await earlier.store("1", "expired", (await earlier.lookup("1", ["t"])).versions, 0.05)
    processes = await asyncio.gather(*(start() for _ in range(PROCESSES)))
    while await earlier.exists("1"):
        await asyncio.sleep(0.01)
    for process in processes:
        go(process)
    assert await asyncio.gather(*(said(process) for process in processes)) == [["1"] * READERS] * PROCESSES
    assert await loads(redis_url, owner) == 1


async def test_the_claim_of_a_killed_loader_ends(start: Start, redis_url: str, owner: UUID) -> None:
    holder = await start(hold=True)
    go(holder)
    while await loads(redis_url, owner) == 0:
        await asyncio.sleep(0.01)
    others = await asyncio.gather(start(), start())
    for process in others:
        go(process)
    async with asyncio.timeout(PATIENCE), Redis.from_url(redis_url) as server:
        (claim,) = [key async for key in server.scan_iter(f"*{owner}*:c:*")]
        for _ in range(20):
            assert 0 < await server.pttl(claim) <= CLAIM * 1000, "it is renewed while its process lives"
            await asyncio.sleep(CLAIM / 10)
    assert await loads(redis_url, owner) == 1, "the others wait"
    holder.kill()
    assert await asyncio.gather(*(said(process) for process in others)) == [["2"] * READERS] * 2


class Process:
    """One process with a cache of its own, whose loads are counted and held."""

    def __init__(self, caches: RedisCaches, owner: UUID) -> None:
        self.caches = caches
        self.provider: CacheProvider[str | None] = caches.providers("texts", str | None)(owner)  # type: ignore[arg-type]
        self.loads, self.began, self.go_on = 0, asyncio.Event(), asyncio.Event()
        self.outcome: str | Exception | None = "x"

    async def load(self) -> str | None:
        self.loads += 1
        self.began.set()
        await self.go_on.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def read(self, **options: Any) -> str | None:
        return await self.cached(**options)()

    def cached(self, **options: Any) -> Callable[[], Awaitable[str | None]]:
        return cached(lambda: self.provider, key=lambda: "1", tags=lambda: ("t",), **{"ttl": 60.0, "jitter": 0.0} | options)(self.load)


@pytest.fixture
async def two(redis_url: str, owner: UUID) -> AsyncIterator[tuple[Process, Process]]:
    one, other = Process(redis_caches(redis_url), owner), Process(tiered_caches(redis_url), owner)
    yield one, other
    for process in (one, other):
        await process.caches.close()


@pytest.mark.parametrize("outcome", [None, Unavailable("gone")], ids=["nothing", "error"])
async def test_after_a_load_that_stores_nothing_the_others_load(two: tuple[Process, Process], outcome: Any) -> None:
    one, other = two
    one.outcome = outcome
    first = asyncio.create_task(one.read())
    await one.began.wait()
    other.go_on.set()
    second = asyncio.create_task(other.read())
    while await claims(one) != 1:
        await asyncio.sleep(0.01)
    assert other.loads == 0
    one.go_on.set()
    assert await second == "x"
    assert (await asyncio.gather(first, return_exceptions=True)) == [outcome]
    assert (one.loads, other.loads, await claims(one)) == (1, 1, 0), "a value ends what the load before it left"


async def claims(process: Process) -> int:
    """The number of claims at present."""
    pattern = process.caches.key(f"{{{process.provider.namespace.owner}}}:c:*")  # type: ignore[attr-defined]
    found: list[bytes] = await process.caches.call(lambda servers: servers.execute("KEYS", pattern))
    return len(found)


async def test_a_value_that_was_stored_between_lookup_and_claim_is_not_loaded_again(two: tuple[Process, Process]) -> None:
    one, other = two
    one.go_on.set()
    other.go_on.set()
    claim = one.caches.claim

    async def late(*arguments: Any) -> Any:
        one.caches.claim = claim
        await other.read()
        return await claim(*arguments)

    one.caches.claim = late  # type: ignore[assignment]
    assert await one.read() == "x"
    assert (one.loads, other.loads) == (0, 1)


async def test_a_stale_value_is_refreshed_once_and_nobody_waits(two: tuple[Process, Process]) -> None:
    one, other = two
    for process in two:
        process.go_on.set()
    options = {"ttl": 0.05, "stale": 60.0}
    await one.read(**options)
    seen = await one.provider.lookup("1", ["t"])
    while (seen := await one.provider.lookup("1", ["t"])).remaining > 60:
        await asyncio.sleep(0.01)
    for process in two:
        process.go_on.clear()
        process.outcome = "new"
    assert [await one.read(**options | {"ttl": 60.0}), await other.read(**options | {"ttl": 60.0})] == ["x", "x"]
    await one.began.wait()
    one.go_on.set()
    other.go_on.set()
    while (await other.provider.lookup("1", ["t"])).value != "new":
        await asyncio.sleep(0.01)
    assert one.loads + other.loads == 2
    assert seen.value == "x"


async def test_a_process_that_waits_for_another_ends_at_its_hard_timeout(two: tuple[Process, Process]) -> None:
    one, other = two
    first = asyncio.create_task(one.read())
    await one.began.wait()
    with pytest.raises(Unavailable, match=r"took longer than 0\.05 s"):
        await other.read(hard_timeout=0.05)
    one.go_on.set()
    assert await first == "x"
    assert other.loads == 0


async def test_after_an_invalidation_a_load_of_another_process_is_not_stored(two: tuple[Process, Process]) -> None:
    """The second process waits for the first one's load, which began before; it gets what is loaded after the invalidation."""
    one, other = two
    one.outcome = "old"
    first = asyncio.create_task(one.read())
    await one.began.wait()
    await other.provider.invalidate(["t"])
    other.go_on.set()
    second = asyncio.create_task(other.read())
    one.go_on.set()
    assert [await first, await second] == ["old", "x"]
    assert await one.provider.get("1") == await other.provider.get("1") == "x"


async def test_without_redis_each_process_loads_once(owner: UUID) -> None:
    for caches in (redis_caches("redis://127.0.0.1:1/"), tiered_caches("redis://127.0.0.1:1/")):
        process = Process(caches, owner)
        read = process.cached()
        readers = asyncio.gather(*(read() for _ in range(200)))
        await process.began.wait()
        process.go_on.set()
        assert await readers == ["x"] * 200
        assert process.loads == 1
        await caches.close()

"""Behind Sentinel and in a Cluster, a stampede and a failover fail no caller."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import pytest

from api_base.core.errors import Unavailable
from api_base.core.protocols import CacheProvider
from api_base.infrastructure.cache.redis_provider import RedisCaches
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.servers import NODE_CALLS
from tests.factories.cache import redis_caches, subscribed, tiered_caches
from tests.redis_topologies import Servers, cluster, free_ports, sentinel

READERS = 500
PATIENCE = 30.0
QUICK = 0.2

type Start = Callable[[Path], AbstractContextManager[Servers]]


def of(caches: RedisCaches) -> list[CacheProvider[str]]:
    """The values of owners in all parts of a cluster."""
    return [caches.providers("texts", str)(uuid4()) for _ in range(16)]


@pytest.fixture
async def caches(request: pytest.FixtureRequest) -> AsyncIterator[RedisCaches]:
    made = redis_caches(request.getfixturevalue(request.param))
    yield made
    await made.close()


@pytest.mark.parametrize("caches", ["redis_url", "redis_sentinel_url", "redis_cluster_url"], indirect=True)
async def test_a_stampede_fails_no_reader(caches: RedisCaches) -> None:
    assert READERS > 10 * NODE_CALLS
    values = of(caches)
    for one in values:
        await one.set("1", "x")
    assert await asyncio.gather(*(values[i % len(values)].get("1") for i in range(READERS))) == ["x"] * READERS


@pytest.mark.parametrize("caches", ["redis_url", "redis_sentinel_url", "redis_cluster_url"], indirect=True)
async def test_invalidations_of_many_owners_are_delivered_together(caches: RedisCaches) -> None:
    values = of(caches)
    for one in values:
        await one.store("1", "x", (await one.lookup("1", ["t"])).versions, 60)
    caches._undelivered = {f"{caches.service}:{{{one.namespace.owner}}}:t:t": 1 for one in values}  # type: ignore[attr-defined]
    assert [await one.get("1") for one in values] == [None] * len(values)


@pytest.mark.slow
@pytest.mark.parametrize("start", [sentinel, cluster])
@pytest.mark.parametrize("fail", [Servers.fail, Servers.freeze])
async def test_a_failover_fails_no_caller(start: Start, fail: Callable[[Servers], None], tmp_path: Path) -> None:
    with start(tmp_path) as servers:
        caches = redis_caches(servers.url, seconds=QUICK)
        values, until = of(caches), time.monotonic() + PATIENCE
        restored, seconds = asyncio.Event(), list[float]()

        async def read(one: CacheProvider[str]) -> None:
            while not restored.is_set():
                began = time.monotonic()
                await one.get("1")
                seen = await one.lookup("2", ["t"])
                await one.store("2", "x", seen.versions, 60)
                seconds.append(time.monotonic() - began)
                await asyncio.sleep(0.01)

        readers = [asyncio.create_task(read(values[i % len(values)])) for i in range(3 * NODE_CALLS)]
        await asyncio.gather(*(one.set("1", "x") for one in values))
        await asyncio.to_thread(fail, servers)
        while not all([await written(one) for one in values]):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        restored.set()
        await asyncio.gather(*readers)
        await caches.close()
    assert quantiles(seconds, n=20)[-1] < 6 * QUICK, "three calls, each of which waits up to QUICK for its turn and as long for the answer"
    assert max(seconds) < PATIENCE / 3, "the machine may be busy, but nobody waits for the failover"


async def written(one: CacheProvider[str], value: str = "after") -> bool:
    await one.set("1", value)
    return await one.get("1") == value


@pytest.mark.slow
@pytest.mark.parametrize("start", [sentinel, cluster])
async def test_a_failover_in_a_stampede_fails_no_reader(start: Start, tmp_path: Path) -> None:
    with start(tmp_path) as servers:
        caches = redis_caches(servers.url, seconds=QUICK)
        values = of(caches)
        for one in values:
            assert await written(one)
        readers = [asyncio.create_task(values[i % len(values)].get("1")) for i in range(READERS)]
        await asyncio.sleep(0)
        await asyncio.to_thread(servers.fail)
        assert set(await asyncio.gather(*readers)) <= {"after", None}
        await caches.close()


@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
async def test_without_any_server_no_caller_fails(scheme: str) -> None:
    """Whatever redis-py raises for it."""
    caches = redis_caches(f"{scheme}://127.0.0.1:{free_ports(1)[0]}{'/main' if scheme.endswith('sentinel') else ''}", seconds=QUICK)
    (one, *_) = of(caches)
    await one.set("1", "x")
    seen = await one.lookup("1", ["t"])
    assert (await one.get("1"), seen.found, await one.store("1", "x", seen.versions, 60)) == (None, False, False)
    await one.invalidate(["t"])
    for call in (one.get_stats(), caches.check()):
        with pytest.raises(Unavailable):
            await call
    await caches.close()


@pytest.mark.slow
@pytest.mark.parametrize("start", [sentinel, cluster])
async def test_announcements_continue_after_a_failover(start: Start, tmp_path: Path) -> None:
    with start(tmp_path) as servers:
        owner = uuid4()
        one, two = [await subscribed(tiered_caches(servers.url)) for _ in range(2)]
        mine, theirs = (caches.providers("texts", str)(owner) for caches in (one, two))
        await asyncio.to_thread(servers.fail)
        async with asyncio.timeout(PATIENCE):
            for value in ("x", "y"):  # the sentinels agree one after another: until then a call may find the old primary, which is a miss
                while not (await written(mine, value) and await theirs.get("1") == value and one.fresh() and two.fresh()):
                    await asyncio.sleep(0.05)
        for caches in (one, two):
            await caches.close()


@pytest.mark.parametrize(
    ("url", "hosts", "service", "options"),
    [
        ("redis+sentinel://ana:p%40ss@a:1,b/main/3", (("a", 1), ("b", 26379)), "main", {"db": 3, "username": "ana", "password": "p@ss"}),
        ("rediss+sentinel://[::1]:7/main", (("::1", 7),), "main", {"db": 0, "username": None, "password": None}),
        ("redis+cluster://:secret@a,b:2,c", (("a", 6379), ("b", 2), ("c", 6379)), None, {"db": 0, "username": None, "password": "secret"}),
    ],
)
def test_the_address_has_what_the_url_says(
    url: str, hosts: tuple[tuple[str, int], ...], service: str | None, options: dict[str, object]
) -> None:
    address = address_at(url)
    assert (address.hosts, address.service, address.options) == (hosts, service, options)
    assert (address.cluster, address.tls) == (url.partition("://")[0].endswith("cluster"), url.startswith("rediss"))


def test_sentinels_have_a_password_of_their_own() -> None:
    address = address_at("redis+sentinel://:servers@a/main?sentinel_password=watchers")
    assert (address.options["password"], address.sentinel_password) == ("servers", "watchers")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis+sentinel://a:1,b:2", "must be redis.sentinel://"),
        ("redis+sentinel://a:1/main/x", "must be redis.sentinel://"),
        ("rediss+sentinel://a:one/main", "must be rediss.sentinel://"),
        ("redis+cluster://a,b/1", "must be redis.cluster://"),
        ("redis+cluster://a,,b", "must be redis.cluster://"),
        ("redis+cluster://a:70000", "must be redis.cluster://"),
        ("redis://a,b", "must be redis://"),
        ("redis+cluster://a?sentinel_password=x", "unknown parameter 'sentinel_password'; the parameter is ca"),
        ("redis+sentinel://a/main?db=1", "unknown parameter 'db'; the parameters are ca and sentinel_password"),
    ],
)
def test_a_bad_url_is_refused_without_showing_it(url: str, reason: str) -> None:
    secret = url.replace("://", "://ana:s3cret@", 1)
    with pytest.raises(ValueError, match=reason) as refused:
        address_at(secret)
    assert "s3cret" not in str(refused.value)

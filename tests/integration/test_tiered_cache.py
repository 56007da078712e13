"""Two tiers: what another process ends is not served from this one's memory, or for a stated time if the announcement does not arrive."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from api_base.core.protocols import CacheProvider
from api_base.infrastructure.cache.tiered_provider import TieredCaches
from api_base.infrastructure.redis.subscription import MAX_SILENCE
from tests.factories.cache import PATIENCE, redis_caches, subscribed, tiered_caches
from tests.services import Proxy, Toxiproxy

type Process = Callable[..., Awaitable[CacheProvider[str]]]
"""Makes the cache of another process, whose memory tier is in use."""


@pytest.fixture
def owner() -> UUID:
    return uuid4()


@pytest.fixture
def proxy(redis_url: str, toxiproxy: Toxiproxy) -> Iterator[Proxy]:
    with toxiproxy.to(urlsplit(redis_url).netloc) as made:
        yield made


@pytest.fixture
def cuttable(proxy: Proxy) -> str:
    return f"redis://{proxy.host}:{proxy.port}/"


@pytest.fixture
async def process(redis_url: str, owner: UUID) -> AsyncIterator[Process]:
    made: list[TieredCaches] = []

    async def one(url: str = redis_url, subscribed_at: str = "") -> CacheProvider[str]:
        made.append(await subscribed(tiered_caches(url, subscribed_at=subscribed_at)))
        return made[-1].providers("texts", str)(owner)

    yield one
    for caches in made:
        await caches.close()


def tiers(cache: CacheProvider[str]) -> TieredCaches:
    found: TieredCaches = cache.caches  # type: ignore[attr-defined]
    return found


async def load(cache: CacheProvider[str], key: str, value: str, *tags: str) -> None:
    assert await cache.store(key, value, (await cache.lookup(key, tags)).versions, 60)


async def kept(cache: CacheProvider[str], key: str, *tags: str) -> str | None:
    """Return the value, which is in the memory of the process from then on."""
    value = (await cache.lookup(key, tags)).value
    assert tiers(cache).memory.peek(cache._keys([key])[0]) is not None  # type: ignore[attr-defined]
    return value


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.005)


async def test_a_value_that_was_read_is_served_from_memory_with_its_tags_versions_and_lifetime(
    process: Process, cuttable: str, proxy: Proxy, redis_url: str
) -> None:
    cache = await process(cuttable, subscribed_at=redis_url)
    assert await cache.store("1", "x", (await cache.lookup("1", ["t"])).versions, 60, "etag")
    await cache.set("2", "y", 60)
    read, other = await cache.lookup("1", ["t"]), await cache.get("2")
    proxy.cut()
    served = await cache.lookup("1", ["t"])
    assert (served.value, served.versions, served.etag) == ("x", read.versions, "etag")
    assert 50 < served.remaining <= read.remaining
    assert await cache.get("2") == other == "y"
    assert not (await cache.lookup("1", ["t", "another"])).found, "its versions are not those of these tags"


@pytest.mark.parametrize("change", ["invalidate", "set", "delete", "clear", "store"])
@pytest.mark.parametrize("by", ["tiered", "redis"])
async def test_what_another_process_ends_ends_here(process: Process, owner: UUID, redis_url: str, change: str, by: str) -> None:
    one = await process()
    plain = redis_caches(redis_url)
    two = await process() if by == "tiered" else plain.providers("texts", str)(owner)
    await load(two, "1", "old", "t")
    await load(two, "2", "stays", "t2")
    assert [await kept(one, "1", "t"), await kept(one, "2", "t2")] == ["old", "stays"]
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "invalidate": lambda: two.invalidate(["t"]),
        "set": lambda: two.set("1", "new"),
        "delete": lambda: two.delete("1"),
        "clear": lambda: two.clear_pattern("1"),
        "store": lambda: load(two, "1", "new", "t"),
    }
    expected = "new" if change in ("set", "store") else None
    await changes[change]()
    await until(lambda: equals(one, expected))
    assert await one.get("2") == "stays"
    await plain.close()


async def equals(cache: CacheProvider[str], value: str | None) -> bool:
    return (await cache.lookup("1", ["t"])).value == value


async def test_a_read_that_began_before_an_announcement_is_not_kept_after_it(process: Process) -> None:
    """The answer of Redis is held here until the other process has ended the value and the announcement has arrived."""
    one, two = await process(), await process()
    for tagged in (("t",), ()):
        await load(two, "1", "old", *tagged)
        script, answered, go_on = tiers(one).lookup, asyncio.Event(), asyncio.Event()

        async def held(*arguments: object) -> object:
            answer = await script(*arguments)  # type: ignore[arg-type] # noqa: B023
            answered.set()  # noqa: B023
            await go_on.wait()  # noqa: B023
            return answer

        tiers(one).lookup = held  # type: ignore[assignment]
        early = asyncio.create_task(one.lookup("1", tagged))
        await answered.wait()
        tiers(one).lookup = script
        await (two.invalidate(tagged) if tagged else two.delete("1"))
        await announced(one, two)
        go_on.set()
        assert (await early).value == "old"
        assert not (await one.lookup("1", tagged)).found


async def announced(one: CacheProvider[str], two: CacheProvider[str]) -> None:
    """Wait until what `two` ended up to now has been announced to `one`: announcements arrive in order."""
    name = tiers(one).key("sentinel")
    before = tiers(one).memory.version(name)
    await tiers(two).write([name], lambda redis: tiers(two).end([name], tiers(two).announced([name])), None)
    async with asyncio.timeout(PATIENCE):
        while tiers(one).memory.version(name) == before:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("fault", ["cut", "silent"])
async def test_without_announcements_memory_is_used_for_at_most_the_stated_time(
    process: Process, cuttable: str, proxy: Proxy, redis_url: str, fault: str
) -> None:
    cache, other = await process(redis_url, subscribed_at=cuttable), await process()
    await load(other, "1", "old", "t")
    assert await kept(cache, "1", "t") == "old"
    with failing(proxy, fault):
        began = time.monotonic()
        await other.invalidate(["t"])
        while time.monotonic() < began + 2 * MAX_SILENCE:
            asked = time.monotonic()
            value = (await cache.lookup("1", ["t"])).value
            assert value is None or asked < began + MAX_SILENCE
        await load(other, "1", "new", "t")
        assert await cache.get("1") == "new", "Redis is used meanwhile"
    await until(lambda: asyncio.sleep(0, tiers(cache).fresh()))
    assert await kept(cache, "1", "t") == "new"


def failing(proxy: Proxy, fault: str) -> AbstractContextManager[None]:
    return proxy.silent() if fault == "silent" else proxy.down()


async def test_after_a_gap_memory_holds_nothing_from_before(process: Process, cuttable: str, proxy: Proxy, redis_url: str) -> None:
    """Also if the gap was shorter than the time for which memory may be used."""
    cache, other = await process(redis_url, subscribed_at=cuttable), await process()
    for number in range(5):
        await load(other, "1", f"old {number}", "t")
        await until(lambda: equals(cache, f"old {number}"))  # noqa: B023
        with proxy.down():
            await other.invalidate(["t"])
        await until(lambda: equals_and_fresh(cache))


async def equals_and_fresh(cache: CacheProvider[str]) -> bool:
    """Whether the memory is used again. Then the old value is not served."""
    if time.monotonic() >= tiers(cache).subscription.fresh_until or tiers(cache).memory.peek(cache._keys(["1"])[0]) is not None:  # type: ignore[attr-defined]
        return False
    return (await cache.lookup("1", ["t"])).value is None


async def test_an_invalidation_that_did_not_arrive_is_delivered_without_another_call(process: Process, cuttable: str, proxy: Proxy) -> None:
    cut, other = await process(cuttable), await process()
    await load(other, "1", "old", "t")
    await other.set("2", "old")
    assert [await kept(other, "1", "t"), await other.get("2")] == ["old", "old"]
    assert await kept(cut, "1", "t") == "old"
    with proxy.down():
        await cut.invalidate(["t"])
        assert not await cut.delete("2")
        assert not (await cut.lookup("1", ["t"])).found
        assert await kept(other, "1", "t") == "old", "until the process that wrote reaches Redis again"
    await until(lambda: equals(other, None))
    await until(lambda: gone(other, "2"))


async def gone(cache: CacheProvider[str], key: str) -> bool:
    return await cache.get(key) is None


async def test_a_value_that_did_not_reach_redis_is_neither_served_nor_announced(process: Process, cuttable: str, proxy: Proxy) -> None:
    """The last intent wins: that the old value ends, which is delivered once; not what was to be stored meanwhile."""
    cut, other = await process(cuttable), await process()
    await other.set("1", "old")
    assert [await cut.get("1"), await other.get("1")] == ["old", "old"]
    with proxy.down():
        for value in ("lost", "lost again"):
            await cut.set("1", value)
            assert await cut.get("1") is None
        assert await other.get("1") == "old"
        assert len(tiers(cut)._undelivered) == 1
    await until(lambda: gone(other, "1"))
    await cut.set("1", "new")
    await until(lambda: equals(other, "new"))
    assert not tiers(cut)._undelivered


async def test_a_write_whose_caller_gave_up_ends_the_value_in_memory(process: Process) -> None:
    cache = await process()
    await cache.set("1", "old")
    assert await cache.get("1") == "old"
    writing = asyncio.create_task(cache.set("1", "new"))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await until(lambda: gone(cache, "1"))


async def test_after_a_message_that_means_nothing_no_value_is_kept(process: Process, redis_url: str) -> None:
    cache = await process()
    await load(cache, "1", "x", "t")
    assert await kept(cache, "1", "t") == "x"
    async with Redis.from_url(redis_url) as stranger:
        for nonsense in (b"\xff", b'{"a": 1}', b"[]"):
            await stranger.publish(tiers(cache).channel, nonsense)
            await until(lambda: forgotten(cache))
            assert await kept(cache, "1", "t") == "x"


async def forgotten(cache: CacheProvider[str]) -> bool:
    return len(tiers(cache).memory) == 0


async def test_memory_is_bounded(redis_url: str, owner: UUID) -> None:
    caches = tiered_caches(redis_url)
    caches.memory.max_entries = 10
    cache = (await subscribed(caches)).providers("texts", str)(owner)
    for number in range(50):
        await load(cache, str(number), "x", "t")
        assert (await cache.lookup(str(number), ["t"])).found
    assert len(caches.memory) == 10
    assert await cache.get_many([str(number) for number in range(50)]) == {str(number): "x" for number in range(50)}
    await caches.close()

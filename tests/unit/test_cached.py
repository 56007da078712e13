"""`@cached`: one load for all who miss, nobody else's answer, no cached error, and stale values where they are allowed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import pytest

from api_base.core.errors import NotFound, ProgrammingError, Unavailable
from api_base.core.protocols import CacheProvider
from api_base.infrastructure.cache.decorators import cached
from api_base.infrastructure.cache.flights import current_load
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.resilience.errors import TimedOut
from tests.factories.limits import Seconds

TTL, STALE = 60.0, 30.0


class Source:
    """What is loaded: `value`, or `error`. With `gate`, a load waits until it is opened."""

    def __init__(self) -> None:
        self.value: Any = "one"
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.loads = 0

    async def load(self, key: str) -> Any:
        self.loads += 1
        value, error = self.value, self.error
        if self.gate is not None:
            await self.gate.wait()
        if error is not None:
            raise error
        return value


class World:
    def __init__(self) -> None:
        self.now = Seconds()
        self.provider: CacheProvider[Any] = MemoryCaches(now=self.now).providers("values", Any)(UUID(int=1))
        self.source = Source()

    def cached(self, **options: Any) -> Callable[[str], Awaitable[Any]]:
        """The source behind the cache: without jitter, unless it is what a test is about."""
        defaults: dict[str, Any] = {"key": lambda key: key, "ttl": TTL, "jitter": 0.0}
        return cached(lambda key: self.provider, **defaults | options)(self.source.load)

    def hold(self) -> asyncio.Event:
        self.source.gate = asyncio.Event()
        return self.source.gate


@pytest.fixture
def world() -> World:
    return World()


async def started(calls: list[Awaitable[Any]]) -> list["asyncio.Future[Any]"]:
    """Tasks that run until they wait."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await settled()
    return tasks


async def settled() -> None:
    """Let every task run until it waits for something that has not happened."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_value_is_loaded_once_until_it_ends(world: World) -> None:
    get = world.cached()
    assert [await get("a"), await get("a")] == ["one", "one"]
    world.source.value = "two"
    world.now.time += TTL - 0.001
    assert await get("a") == "one"
    world.now.time += 0.001
    assert await get("a") == "two"
    assert world.source.loads == 2


async def test_200_readers_of_an_expired_key_cause_one_load(world: World) -> None:
    get = world.cached()
    await get("a")
    world.now.time += TTL
    world.source.value, gate = "two", world.hold()
    readers = await started([get("a") for _ in range(200)])
    gate.set()
    assert await asyncio.gather(*readers) == ["two"] * 200
    assert world.source.loads == 2


async def test_each_key_and_each_provider_has_its_own_value(world: World) -> None:
    others = MemoryCaches().providers("values", str)
    owner: ContextVar[UUID] = ContextVar("owner")

    @cached(lambda key: others(owner.get()), key=lambda key: key, ttl=TTL)
    async def load(key: str) -> str:
        await asyncio.sleep(0)
        return f"{key} of {owner.get().int}"

    async def as_owner(number: int, key: str) -> str:
        owner.set(UUID(int=number))
        return await load(key)

    calls = [(number, key) for number in (1, 2) for key in "ab"] * 3
    assert await asyncio.gather(*(as_owner(*call) for call in calls)) == [f"{key} of {number}" for number, key in calls]


async def test_a_method_uses_the_cache_of_its_own_object() -> None:
    class Rates:
        def __init__(self, rate: str) -> None:
            self.rate, self.values = rate, MemoryCaches().providers("rates", str)

        @cached(lambda self, currency: self.values(UUID(int=1)), key=lambda self, currency: currency, ttl=TTL)
        async def of(self, currency: str) -> str:
            await asyncio.sleep(0)
            return f"{currency} {self.rate}"

    one, two = Rates("1"), Rates("2")
    assert await asyncio.gather(one.of("EUR"), two.of("EUR"), one.of("EUR")) == ["EUR 1", "EUR 2", "EUR 1"]
    assert Rates.of.__name__ == "of"


async def test_an_error_reaches_all_who_wait_and_is_not_cached(world: World) -> None:
    get = world.cached(negative=True)
    world.source.error, gate = NotFound("value", "a"), world.hold()
    readers = await started([get("a") for _ in range(3)])
    gate.set()
    assert [type(one) for one in await asyncio.gather(*readers, return_exceptions=True)] == [NotFound] * 3
    world.source.error = None
    assert await get("a") == "one"
    assert world.source.loads == 2


@pytest.mark.parametrize(("negative", "loads"), [(False, 2), (True, 1)])
async def test_none_is_cached_only_if_that_is_declared(world: World, negative: bool, loads: int) -> None:
    get = world.cached(negative=negative)
    world.source.value = None
    assert [await get("a"), await get("a")] == [None, None]
    assert world.source.loads == loads


async def test_a_cancelled_leader_cancels_no_other(world: World) -> None:
    get, gate = world.cached(), world.hold()
    leader, *followers = await started([get("a") for _ in range(3)])
    leader.cancel()
    await settled()
    assert leader.cancelled()
    gate.set()
    assert await asyncio.gather(*followers) == ["one", "one"]
    assert world.source.loads == 1


async def test_a_load_without_readers_is_stored(world: World) -> None:
    get, gate = world.cached(), world.hold()
    (leader,) = await started([get("a")])
    leader.cancel()
    gate.set()
    await settled()
    assert await get("a") == "one"
    assert world.source.loads == 1


async def test_a_cancelled_load_is_an_error_and_no_cancellation_of_its_readers(world: World) -> None:
    @cached(lambda: world.provider, key=lambda: "a", ttl=TTL)
    async def load() -> str:
        raise asyncio.CancelledError

    with pytest.raises(Unavailable, match="cancelled"):
        await load()


async def test_after_an_invalidation_nobody_waits_for_a_load_from_before(world: World) -> None:
    """And what that load returns is not stored, whichever of the two ends first."""
    for last in ("early", "late"):
        get = world.cached(tags=lambda key: ("t",))
        await world.provider.invalidate(["t"])
        world.source.value, gate = "old", world.hold()
        early = (await started([get("a")]))[0]
        world.source.value = "new"
        await world.provider.invalidate(["t"])
        world.source.gate = second = asyncio.Event()
        late = (await started([get("a")]))[0]
        for one in (second, gate) if last == "early" else (gate, second):
            one.set()
            await settled()
        assert [await early, await late] == ["old", "new"]
        world.source.gate = None
        assert await get("a") == "new"
        assert await world.provider.get("a") == "new"


async def test_a_stale_value_is_served_immediately_while_one_load_runs(world: World) -> None:
    get = world.cached(stale=STALE)
    await get("a")
    world.now.time += TTL
    world.source.value, gate = "two", world.hold()
    assert [await get("a") for _ in range(200)] == ["one"] * 200
    gate.set()
    await settled()
    assert await get("a") == "two"
    assert world.source.loads == 2


async def test_no_value_is_served_beyond_the_stale_time(world: World) -> None:
    get = world.cached(stale=STALE)
    await get("a")
    world.now.time += TTL + STALE
    world.source.value = "two"
    assert await get("a") == "two"


async def test_a_stale_value_that_was_invalidated_is_not_served(world: World) -> None:
    get = world.cached(stale=STALE, tags=lambda key: ("t",))
    await get("a")
    world.now.time += TTL
    world.source.value = "two"
    await world.provider.invalidate(["t"])
    assert await get("a") == "two"


async def test_a_failed_load_leaves_the_stale_value_until_its_end(world: World) -> None:
    get = world.cached(stale=STALE, soft_timeout=5)
    await get("a")
    world.now.time += TTL
    world.source.error = Unavailable("gone")
    assert [await get("a") for _ in range(3)] == ["one"] * 3
    world.now.time += STALE
    with pytest.raises(Unavailable, match="gone"):
        await get("a")


async def test_within_the_soft_timeout_the_new_value_is_served_and_after_it_the_stale_one(world: World) -> None:
    get = world.cached(stale=STALE, soft_timeout=5)
    await get("a")
    world.now.time += TTL
    world.source.value, gate = "two", world.hold()
    (reader,) = await started([get("a")])
    assert not reader.done()
    gate.set()
    assert await reader == "two"

    world.now.time += TTL
    world.source.value, gate = "three", world.hold()
    impatient = world.cached(stale=STALE, soft_timeout=0.001)
    assert await impatient("a") == "two"
    gate.set()
    await settled()
    assert await impatient("a") == "three"


async def test_after_the_hard_timeout_a_reader_gets_an_error_and_the_load_goes_on(world: World) -> None:
    get, gate = world.cached(hard_timeout=0.001), world.hold()
    with pytest.raises(TimedOut, match="took longer than 0.001 s"):
        await get("a")
    gate.set()
    await settled()
    assert await get("a") == "one"
    assert world.source.loads == 1


async def test_jitter_only_shortens_a_lifetime(world: World) -> None:
    get = world.cached(jitter=0.5)
    remaining = []
    for number in range(200):
        await get(str(number))
        remaining.append((await world.provider.lookup(str(number), [])).remaining)
    assert TTL / 2 <= min(remaining) < 0.6 * TTL
    assert 0.9 * TTL < max(remaining) <= TTL


async def test_shortly_before_its_end_a_value_is_served_while_one_load_replaces_it(world: World) -> None:
    get = world.cached(eager=10.0, soft_timeout=5.0)
    await get("a")
    world.now.time += TTL - 10.001
    assert [await get("a"), world.source.loads] == ["one", 1]
    world.now.time += 0.001
    world.source.value, gate = "two", world.hold()
    assert [await get("a") for _ in range(200)] == ["one"] * 200
    gate.set()
    await settled()
    assert [await get("a"), world.source.loads] == ["two", 2]
    assert (await world.provider.lookup("a", [])).remaining == TTL


async def test_a_failed_load_before_the_end_leaves_the_value(world: World) -> None:
    get = world.cached(eager=10.0)
    await get("a")
    world.now.time += TTL - 5
    world.source.error = Unavailable("gone")
    assert [await get("a") for _ in range(3)] == ["one"] * 3
    await settled()
    world.now.time += 5
    with pytest.raises(Unavailable, match="gone"):
        await get("a")


class Rates:
    """A source with tags of its own, as HTTP has them: it answers only what is not known, and says how long that is fresh."""

    def __init__(self, provider: CacheProvider[str]) -> None:
        self.provider, self.version, self.fresh = provider, 1, TTL
        self.answers: list[str] = []

    @cached(lambda self, key: self.provider, key=lambda self, key: key, ttl=1.0, stale=STALE, soft_timeout=5, jitter=0.0)
    async def rate(self, key: str) -> str:
        load = current_load(str)
        load.ttl = self.fresh
        if load.stale is not None and load.etag == f"v{self.version}":
            self.answers.append("not modified")
            return load.stale
        load.etag = f"v{self.version}"
        self.answers.append("modified")
        return f"rate {self.version}"


async def test_the_load_sees_what_it_replaces_and_decides_how_long_the_new_value_is_fresh(world: World) -> None:
    rates = Rates(world.provider)
    assert await rates.rate("a") == "rate 1"
    world.now.time += TTL - 0.001
    assert await rates.rate("a") == "rate 1"
    assert rates.answers == ["modified"]
    world.now.time += 0.001
    rates.fresh = 2 * TTL
    assert await rates.rate("a") == "rate 1"
    assert (await world.provider.lookup("a", [])).remaining == 2 * TTL + STALE
    world.now.time += 2 * TTL
    rates.version = 2
    assert [await rates.rate("a"), await rates.rate("a")] == ["rate 2"] * 2
    world.now.time += 2 * TTL + STALE
    assert await rates.rate("a") == "rate 2"
    assert rates.answers == ["modified", "not modified", "modified", "modified"], "the last one had nothing to compare with"


@pytest.mark.parametrize("options", [{"ttl": 0.0}, {"stale": -1.0}, {"jitter": 1.0}, {"jitter": -0.1}, {"eager": -1.0}, {"eager": TTL}])
def test_a_bad_declaration_is_an_error(world: World, options: dict[str, float]) -> None:
    with pytest.raises(ProgrammingError, match="@cached needs"):
        world.cached(**options)


async def test_an_error_that_nobody_waits_for_is_no_unhandled_one(world: World) -> None:
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    get, gate = world.cached(), world.hold()
    world.source.error = Unavailable("gone")
    (reader,) = await started([get("a")])
    reader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    gate.set()
    await settled()
    assert failures == []

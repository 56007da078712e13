"""The cache in memory: like a dictionary with lifetimes and tags, within its bounds, the least recently used entry first."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from api_base.core.protocols import TagVersions
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.cache.namespace import MAX_COUNTED

OWNER = UUID(int=1)
KEYS = st.sampled_from(["a", "b", "c"])
OWNERS = st.sampled_from([UUID(int=1), UUID(int=2)])
TAGS = st.lists(st.sampled_from(["s", "t"]), unique=True)
TTLS = st.integers(1, 10)


class Seconds:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def done[T](call: Any) -> T:
    """What a coroutine returns that never waits."""
    try:
        call.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("it waits")


class CacheMachine(RuleBasedStateMachine):
    """Against a model: `{(owner, key): (value, end, {tag: number of invalidations of the tag})}`, with room for everything."""

    def __init__(self) -> None:
        super().__init__()
        self.now = Seconds()
        self.of = MemoryCaches(now=self.now).providers("texts", str)
        self.model: dict[tuple[UUID, str], tuple[str, float, dict[str, int]]] = {}
        self.invalidations: dict[tuple[UUID, str], int] = {}
        self.loads: list[tuple[UUID, str, TagVersions, dict[str, int]]] = []

    def present(self, owner: UUID, tags: Any) -> dict[str, int]:
        return {tag: self.invalidations.get((owner, tag), 0) for tag in tags}

    def expected(self, owner: UUID, key: str) -> str | None:
        value, end, tags = self.model.get((owner, key), (None, 0.0, {}))
        return value if end > self.now.time and tags == self.present(owner, tags) else None

    @rule(owner=OWNERS, key=KEYS, value=st.text(max_size=3), ttl=TTLS)
    def set(self, owner: UUID, key: str, value: str, ttl: int) -> None:
        done(self.of(owner).set(key, value, ttl))
        self.model[owner, key] = value, self.now.time + ttl, {}

    @rule(owner=OWNERS, key=KEYS)
    def delete(self, owner: UUID, key: str) -> None:
        assert done(self.of(owner).delete(key)) == (self.expected(owner, key) is not None)
        self.model.pop((owner, key), None)

    @rule(owner=OWNERS, key=KEYS, tags=TAGS)
    def begin_load(self, owner: UUID, key: str, tags: list[str]) -> None:
        seen = done(self.of(owner).lookup(key, tags))
        assert seen.found == (self.expected(owner, key) is not None)
        assert seen.value == self.expected(owner, key)
        self.loads.append((owner, key, seen.versions, self.present(owner, tags)))

    @rule(index=st.integers(0, 5), value=st.text(max_size=3), ttl=TTLS)
    def end_load(self, index: int, value: str, ttl: int) -> None:
        if self.loads:
            owner, key, versions, tags = self.loads.pop(index % len(self.loads))
            stored = done(self.of(owner).store(key, value, versions, ttl))
            assert stored == (tags == self.present(owner, tags))
            if stored:
                self.model[owner, key] = value, self.now.time + ttl, tags

    @rule(owner=OWNERS, tag=st.sampled_from(["s", "t"]))
    def invalidate(self, owner: UUID, tag: str) -> None:
        done(self.of(owner).invalidate([tag]))
        self.invalidations[owner, tag] = self.invalidations.get((owner, tag), 0) + 1

    @rule(owner=OWNERS, pattern=st.sampled_from(["*", "a", "?", "b*"]))
    def clear(self, owner: UUID, pattern: str) -> None:
        matches: Callable[[str], bool] = lambda key: pattern in ("*", "?") or key == pattern[0]  # noqa: E731
        matching = [key for key in ("a", "b", "c") if matches(key) and self.expected(owner, key) is not None]
        assert done(self.of(owner).clear_pattern(pattern)) == len(matching)
        for key in matching:
            del self.model[owner, key]

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now.time += seconds

    @invariant()
    def finds_what_the_model_finds(self) -> None:
        for owner in (UUID(int=1), UUID(int=2)):
            found = {key: value for key in ("a", "b", "c") if (value := self.expected(owner, key)) is not None}
            assert done(self.of(owner).get_many(["a", "b", "c"])) == found
            assert done(self.of(owner).get_stats()).size == len(found)


CacheMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=30)
TestCacheMachine = CacheMachine.TestCase


class BoundsMachine(RuleBasedStateMachine):
    """Small bounds: they always hold, and what is evicted is what was used longest ago."""

    def __init__(self) -> None:
        super().__init__()
        self.caches = MemoryCaches(max_entries=3, max_bytes=1700)
        self.cache = self.caches.providers("texts", str)(OWNER)
        self.used: list[str] = []
        """Keys, the one that was used last at the end."""

    @rule(key=st.sampled_from("abcdefgh"), size=st.sampled_from([1, 10, 500, 900, 5000]))
    def set(self, key: str, size: int) -> None:
        done(self.cache.set(key, "x" * size))
        self.used = [*(one for one in self.used if one != key), key]

    @rule(key=st.sampled_from("abcdefgh"))
    def get(self, key: str) -> None:
        if done(self.cache.get(key)) is not None:
            self.used = [*(one for one in self.used if one != key), key]

    @invariant()
    def the_bounds_hold(self) -> None:
        assert len(self.caches) <= 3
        assert 0 <= self.caches.bytes <= 1700
        kept = [key for key in self.used if done(self.cache.exists(key))]
        assert kept == self.used[len(self.used) - len(kept) :]
        self.used = kept
        assert self.caches.bytes >= 300 * len(kept)
        assert kept or self.caches.bytes == 0


BoundsMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=30)
TestBoundsMachine = BoundsMachine.TestCase


async def test_evictions_are_those_of_the_owner_whose_value_gave_way() -> None:
    of = MemoryCaches(max_entries=2).providers("texts", str)
    first, second = of(UUID(int=1)), of(UUID(int=2))
    await first.set("1", "x")
    await second.set_many({"1": "x", "2": "x"})
    assert ((await first.get_stats()).evictions, (await first.get_stats()).size) == (1, 0)
    assert ((await second.get_stats()).evictions, (await second.get_stats()).size) == (0, 2)


async def test_a_tag_that_gave_way_makes_its_values_invalid() -> None:
    cache = MemoryCaches(max_entries=2).providers("texts", str)(OWNER)
    seen = await cache.lookup("1", ["t"])
    assert await cache.store("1", "x", seen.versions, 60)
    for tag in ("u", "v"):
        await cache.lookup("2", [tag])
    assert await cache.get("1") is None


async def test_figures_of_many_owners_are_bounded() -> None:
    caches = MemoryCaches()
    of = caches.providers("texts", str)
    for number in range(MAX_COUNTED + 1):
        await of(UUID(int=number)).get("1")
    assert (await of(UUID(int=0)).get_stats()).misses == 0
    assert (await of(UUID(int=MAX_COUNTED)).get_stats()).misses == 1
    assert caches.totals() == (0, MAX_COUNTED + 1)


async def test_nothing_waits() -> None:
    """So that no other task runs between the comparison of versions and the storing."""
    cache = MemoryCaches().providers("texts", str)(OWNER)
    ran = False

    async def other() -> None:
        nonlocal ran
        ran = True

    task = asyncio.create_task(other())
    seen = await cache.lookup("1", ["t"])
    await cache.store("1", "x", seen.versions, 60)
    await cache.invalidate(["t"])
    assert not ran
    await task

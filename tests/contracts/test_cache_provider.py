"""Every `CacheProvider`: what was stored is found until it ends, only under its namespace and owner; and no load outlives an invalidation."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.core.errors import ProgrammingError
from api_base.core.protocols import CacheProvider, Caches
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.cache.namespace import MAX_TTL, MAX_VALUE_BYTES
from tests.factories.cache import redis_caches, subscribed, tiered_caches


@dataclass(frozen=True, kw_only=True)
class Film:
    id: UUID
    title: str
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


FILM = Film(id=uuid4(), title="Aniki-Bóbó", tags=("1942", "Porto"), extra={"minutes": 71})


@pytest.fixture(
    params=["memory", "redis", "redis_sentinel", "redis_cluster", "tiered", "tiered_sentinel", "tiered_cluster", "unsubscribed"]
)
async def caches(request: pytest.FixtureRequest) -> AsyncIterator[Caches]:
    """`unsubscribed` are two tiers without announcements."""
    if request.param == "memory":
        yield MemoryCaches()
        return
    tiers, _, servers = request.param.partition("_")
    url = request.getfixturevalue(f"redis_{servers}_url" if servers else "redis_url")
    if tiers == "redis":
        found = redis_caches(url)
    elif tiers == "tiered":
        found = await subscribed(tiered_caches(url))
    else:
        found = tiered_caches(url, subscribed_at="redis://127.0.0.1:1/")
    yield found
    await found.close()


@pytest.fixture
def owner() -> UUID:
    return uuid4()


@pytest.fixture
def films(caches: Caches, owner: UUID) -> CacheProvider[Film]:
    return caches.providers("films", Film)(owner)


@pytest.fixture
def texts(caches: Caches, owner: UUID) -> CacheProvider[str]:
    return caches.providers("texts", str)(owner)


async def loaded(cache: CacheProvider[str], key: str, value: str, *tags: str) -> bool:
    """Whether a value that is loaded now is stored."""
    return await cache.store(key, value, (await cache.lookup(key, tags)).versions, 60)


async def test_a_value_is_found_as_it_was_and_is_a_copy(films: CacheProvider[Film]) -> None:
    assert await films.get("1") is None
    await films.set("1", FILM)
    found = await films.get("1")
    assert found == FILM
    found.extra["minutes"] = 0
    assert await films.get("1") == FILM


async def test_deleting_says_whether_there_was_a_value(texts: CacheProvider[str]) -> None:
    await texts.set("1", "one")
    assert await texts.exists("1")
    assert await texts.delete("1")
    assert not await texts.exists("1")
    assert not await texts.delete("1")
    assert await texts.get("1") is None


async def test_many_are_stored_and_found_together(texts: CacheProvider[str]) -> None:
    await texts.set_many({"1": "one", "2": "two", "3": "three"})
    await texts.delete("2")
    assert await texts.get_many(["1", "2", "3", "4"]) == {"1": "one", "3": "three"}
    assert await texts.get_many([]) == {}
    await texts.set_many({})


async def test_a_later_value_replaces_value_lifetime_and_tags(texts: CacheProvider[str]) -> None:
    assert await loaded(texts, "1", "tagged", "t")
    await texts.set("1", "plain")
    await texts.invalidate(["t"])
    assert await texts.get("1") == "plain"


async def test_an_invalidation_ends_the_values_of_its_tag_only(texts: CacheProvider[str]) -> None:
    assert await loaded(texts, "1", "one", "a", "b")
    assert await loaded(texts, "2", "two", "b")
    assert await loaded(texts, "3", "three")
    await texts.invalidate(["a"])
    assert await texts.get_many(["1", "2", "3"]) == {"2": "two", "3": "three"}
    assert not await texts.exists("1")
    assert not (await texts.lookup("1", ["a", "b"])).found
    await texts.invalidate(["a", "b", "unknown"])
    assert await texts.get_many(["1", "2", "3"]) == {"3": "three"}


@pytest.mark.parametrize("tags", [("a",), ("a", "b")])
async def test_a_load_that_began_before_an_invalidation_never_stores_after_it(texts: CacheProvider[str], tags: Sequence[str]) -> None:
    """Also not if a later load has stored, so that the tag has a version again; in 500 rounds."""
    for round in range(500):
        key = str(round)
        early = await texts.lookup(key, tags)
        await texts.invalidate(["a"])
        if round % 2:
            assert await loaded(texts, key, "new", *tags)
        assert not await texts.store(key, "old", early.versions, 60)
        assert await texts.get(key) == ("new" if round % 2 else None)


async def test_an_invalidation_beside_loads_leaves_nothing_old(texts: CacheProvider[str]) -> None:
    """Loads read a counter at some moment; the counter goes up, then the tag is invalidated. Nothing below is found after that."""
    counter = 0

    async def load() -> None:
        seen = await texts.lookup("n", ["t"])
        value = counter
        await asyncio.sleep(0)
        await texts.store("n", str(value), seen.versions, 60)

    for _ in range(100):
        loads = [asyncio.create_task(load()) for _ in range(5)]
        await asyncio.sleep(0)
        counter += 1
        await texts.invalidate(["t"])
        found = await texts.get("n")
        assert found is None or int(found) == counter
        await asyncio.gather(*loads)
        found = await texts.get("n")
        assert found is None or int(found) == counter


async def test_a_lookup_says_how_long_a_value_stays(texts: CacheProvider[str]) -> None:
    await texts.store("1", "one", (), 60)
    found = await texts.lookup("1", [])
    assert (found.found, found.value, found.versions) == (True, "one", ())
    assert 55 < found.remaining <= 60
    assert not (await texts.lookup("2", [])).found


async def test_a_lookup_says_what_the_source_called_the_value(texts: CacheProvider[str]) -> None:
    for etag in ('W/"é"', ""):
        await texts.store("1", "one", (await texts.lookup("1", ["t"])).versions, 60, etag)
        assert [(await texts.lookup("1", ["t"])).etag for _ in range(2)] == [etag] * 2
        assert await texts.get("1") == "one"


async def test_a_claim_is_that_of_its_holder(texts: CacheProvider[str]) -> None:
    assert await texts.claim("1", "a", 60, 0) == "a"
    await texts.release("1", "b", 60)
    assert await texts.claim("1", "a", 60, 0) == "a"
    await texts.release("1", "a", 60)


async def test_none_is_a_value_of_a_lookup(caches: Caches, owner: UUID) -> None:
    cache: CacheProvider[str | None] = caches.providers("optional", str | None)(owner)  # type: ignore[arg-type]
    await cache.store("1", None, (), 60)
    assert (await cache.lookup("1", [])).found
    assert await cache.get_many(["1", "2"]) == {"1": None}


async def test_no_key_tag_or_figure_of_another_owner_or_namespace(caches: Caches, owner: UUID) -> None:
    of, other_name = caches.providers("texts", str), caches.providers("texts2", str)
    mine, others = of(owner), [of(uuid4()), other_name(owner)]
    assert await loaded(mine, "1", "mine", "t")
    for other in others:
        assert await other.get("1") is None
        assert not await other.delete("1")
        assert await other.clear_pattern("*") == 0
        stats = await other.get_stats()
        assert (stats.hits, stats.misses, stats.size) == (0, 1, 0)
    await others[0].invalidate(["t"])
    assert await mine.get("1") == "mine"
    stats = await mine.get_stats()
    assert (stats.hits, stats.misses, stats.size) == (1, 1, 1)


async def test_a_tag_is_one_in_all_namespaces_of_its_owner(caches: Caches, owner: UUID) -> None:
    one, two = caches.providers("texts", str)(owner), caches.providers("texts2", str)(owner)
    assert await loaded(one, "1", "one", "t")
    await two.invalidate(["t"])
    assert await one.get("1") is None


async def test_another_shape_of_a_type_does_not_read_the_values_of_the_first(caches: Caches, owner: UUID) -> None:
    """As two releases on the same server do."""

    @dataclass
    class Old:
        title: str

    @dataclass
    class New:
        title: str
        year: int = 0

    New.__qualname__, New.__name__ = Old.__qualname__, Old.__name__
    await caches.providers("films", Old)(owner).set("1", Old("x"))
    assert await caches.providers("films", New)(owner).get("1") is None
    assert await caches.providers("films", Old)(owner).get("1") == Old("x")


@pytest.mark.parametrize(
    ("pattern", "cleared"),
    [
        ("*", ["a:1", "a:2", "b:1", "[a]", "*", "ção"]),
        ("a:*", ["a:1", "a:2"]),
        ("?:1", ["a:1", "b:1"]),
        ("[a]", ["[a]"]),
        ("[ab]*", []),
        ("ç?o", ["ção"]),
        ("a:1", ["a:1"]),
        ("A:*", []),
        ("a", []),
        ("\\*", []),
        ("*:*:*", []),
    ],
)
async def test_a_pattern_clears_what_it_matches(texts: CacheProvider[str], pattern: str, cleared: list[str]) -> None:
    keys = ["a:1", "a:2", "b:1", "[a]", "*", "ção"]
    await texts.set_many(dict.fromkeys(keys, "x"))
    assert await texts.clear_pattern(pattern) == len(cleared)
    assert (await texts.get_many(keys)).keys() == set(keys) - set(cleared)


async def test_clearing_leaves_other_owners_alone(caches: Caches, owner: UUID) -> None:
    of = caches.providers("texts", str)
    other = of(uuid4())
    await other.set("a", "x")
    await of(owner).set_many({str(number): "x" for number in range(1000)})
    assert await of(owner).clear_pattern("*") == 1000
    assert await other.get("a") == "x"


async def test_a_hostile_pattern_is_matched_in_linear_time(texts: CacheProvider[str]) -> None:
    await texts.set("a" * 1000, "x")
    assert await texts.clear_pattern("*a" * 500 + "b") == 0


@pytest.mark.parametrize("bad", ["", "x" * 10_000_000, "x" * 1025, "\ud800"], ids=["empty", "10 MB", "1025", "surrogate"])
async def test_a_bad_key_tag_or_pattern_is_a_short_error(texts: CacheProvider[str], bad: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: texts.get(bad),
        lambda: texts.get_many(["1", bad]),
        lambda: texts.set(bad, "x"),
        lambda: texts.set_many({"1": "x", bad: "x"}),
        lambda: texts.delete(bad),
        lambda: texts.exists(bad),
        lambda: texts.clear_pattern(bad),
        lambda: texts.lookup(bad, []),
        lambda: texts.lookup("1", [bad]),
        lambda: texts.store(bad, "x", (), 60),
        lambda: texts.invalidate([bad]),
    ]
    for call in calls:
        with pytest.raises(ProgrammingError, match="A cache (key|tag|pattern) ") as refused:
            await call()
        assert len(str(refused.value)) < 250


@pytest.mark.parametrize("ttl", [0, -1, MAX_TTL + 1])
async def test_a_bad_lifetime_is_an_error(texts: CacheProvider[str], ttl: int) -> None:
    for call in (texts.set("1", "x", ttl), texts.set_many({"1": "x"}, ttl), texts.store("1", "x", (), ttl)):
        with pytest.raises(ProgrammingError, match="A lifetime in the cache"):
            await call
    assert await texts.get("1") is None


async def test_too_many_keys_or_tags_are_an_error(texts: CacheProvider[str]) -> None:
    many = [str(number) for number in range(1001)]
    for call in (texts.get_many(many), texts.set_many(dict.fromkeys(many, "x")), texts.lookup("1", many[:17])):
        with pytest.raises(ProgrammingError, match="takes up to"):
            await call


async def test_a_value_that_cannot_be_stored_leaves_none(texts: CacheProvider[str]) -> None:
    for unstorable in ("x" * MAX_VALUE_BYTES, "\ud800"):
        await texts.set("1", "small")
        await texts.set("1", unstorable)
        assert await texts.get("1") is None
    assert not await texts.store("2", "x" * MAX_VALUE_BYTES, (), 60)


def test_a_type_without_a_json_form_is_refused(caches: Caches) -> None:
    with pytest.raises(ProgrammingError, match="cannot hold"):
        caches.providers("functions", type(lambda: None))
    with pytest.raises(ProgrammingError, match="cache namespace"):
        caches.providers("a:b", str)


async def test_figures_count_hits_misses_and_values(texts: CacheProvider[str]) -> None:
    await texts.set_many({"1": "one", "2": "two"})
    await texts.get("1")
    await texts.get_many(["1", "2", "3"])
    await texts.lookup("4", [])
    await texts.exists("1")
    stats = await texts.get_stats()
    assert (stats.hits, stats.misses, stats.size) == (3, 2, 2)


def test_providers_of_the_same_values_are_equal(caches: Caches, owner: UUID) -> None:
    of = caches.providers("texts", str)
    assert of(owner) == of(owner)
    assert hash(of(owner)) == hash(of(owner))
    assert of(owner) != of(uuid4())
    assert of(owner) != MemoryCaches().providers("texts", str)(owner)

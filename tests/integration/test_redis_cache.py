"""What only the cache in Redis promises, alone and behind the memory of each process: lifetimes kept by the server, and no failed caller while
Redis is slow, cut or gone."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from api_base.core.errors import Unavailable
from api_base.core.protocols import CacheProvider, CircuitState
from api_base.infrastructure.cache.redis_provider import MAX_UNDELIVERED, RedisCaches
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.servers import CONNECTIONS, OneServer
from tests.certificates import self_signed
from tests.factories.cache import redis_caches, tiered_caches
from tests.services import Killable, Proxy, Toxiproxy

QUICK = 0.2
"""Seconds that a call may take where the server does not answer."""
PATIENCE = 30.0

type Make = Callable[..., RedisCaches]


@pytest.fixture(params=[redis_caches, tiered_caches], ids=["redis", "tiered"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes caches that are closed after the test."""
    made: list[RedisCaches] = []

    def one(url: str, **options: float) -> RedisCaches:
        made.append(request.param(url, **options))
        return made[-1]

    yield one
    for caches in made:
        await caches.close()


@pytest.fixture
async def server(redis_url: str) -> AsyncIterator["Redis"]:
    """A client beside the cache."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def proxy(redis_url: str, toxiproxy: Toxiproxy) -> AsyncIterator[Proxy]:
    with toxiproxy.to(urlsplit(redis_url).netloc) as made:
        yield made


def of(caches: RedisCaches, owner: UUID) -> CacheProvider[str]:
    return caches.providers("texts", str)(owner)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_a_value_ends_with_its_lifetime(make: Make, redis_url: str, server: "Redis") -> None:
    cache = of(make(redis_url), uuid4())
    await cache.store("1", "x", (), 0.05)
    await until(lambda: gone(cache))
    await cache.set("2", "x", 60)
    (key,) = await server.keys(f"tests:*{cache.namespace.prefix}2")  # type: ignore[attr-defined]
    assert 55 < await server.ttl(key) <= 60


async def gone(cache: CacheProvider[str]) -> bool:
    return await cache.get("1") is None


async def test_every_key_is_below_the_service_and_ends(make: Make, redis_url: str, server: "Redis") -> None:
    service, owner = uuid4().hex, uuid4()
    cache = of(make(redis_url, service=service), owner)
    await cache.set_many({"1": "x", "2": "y"})
    await cache.store("3", "z", (await cache.lookup("3", ["t"])).versions, 60)
    keys = [key async for key in server.scan_iter(f"*{owner}*")]
    assert len(keys) == 4
    assert all(key.startswith(f"{service}:{{{owner}}}:") for key in keys)
    assert all([await server.ttl(key) > 0 for key in keys])
    assert await cache.clear_pattern("*") == 3


async def test_services_on_one_server_do_not_see_each_other(make: Make, redis_url: str) -> None:
    owner = uuid4()
    one, two = (of(make(redis_url, service=uuid4().hex), owner) for _ in range(2))
    await one.set("1", "x")
    assert await two.get("1") is None
    assert await two.clear_pattern("*") == 0
    assert await one.get("1") == "x"


async def test_processes_on_one_server_share_values_and_invalidations(make: Make, redis_url: str) -> None:
    owner = uuid4()
    one, two = (of(make(redis_url), owner) for _ in range(2))
    early = await one.lookup("1", ["t"])
    assert await two.store("1", "x", (await two.lookup("1", ["t"])).versions, 60)
    assert await one.get("1") == "x"
    await two.invalidate(["t"])
    assert await one.get("1") is None
    assert not await one.store("1", "old", early.versions, 60)


async def test_what_is_not_a_value_is_not_found(make: Make, redis_url: str, server: "Redis") -> None:
    cache = of(make(redis_url), uuid4())
    await cache.set("1", "x")
    (key,) = [one async for one in server.scan_iter(f"*{cache.namespace.owner}*")]  # type: ignore[attr-defined]
    await server.hset(key, "v", "{not json")
    assert await cache.get("1") is None
    await server.set(key, "another kind of key")
    assert await cache.get("1") is None
    await cache.set("1", "y")
    assert await cache.get("1") == "y"


async def test_a_stampede_shares_connections(make: Make, redis_url: str) -> None:
    caches = make(redis_url)
    cache = of(caches, uuid4())
    await cache.set("1", "x")
    assert await asyncio.gather(*(cache.get("1") for _ in range(500))) == ["x"] * 500
    assert isinstance(servers := caches.client._servers, OneServer)
    assert 1 <= len(servers._open) <= CONNECTIONS
    assert (caches.counts.of(cache.namespace.prefix).hits, caches.counts.of(cache.namespace.prefix).misses) == (500, 0)  # type: ignore[attr-defined]


async def used(cache: CacheProvider[str]) -> None:
    """Everything that a request does. None of it fails."""
    assert await cache.get("1") is None
    assert await cache.get_many(["1", "2"]) == {}
    await cache.set("1", "x")
    await cache.set_many({"1": "x"})
    assert not await cache.delete("1")
    assert not await cache.exists("1")
    seen = await cache.lookup("1", ["t"])
    assert not seen.found
    assert not await cache.store("1", "x", seen.versions, 60)
    await cache.invalidate(["t"])


async def test_no_caller_fails_while_redis_is_killed_and_then_it_is_used_again(make: Make, killable_redis: Killable) -> None:
    cache = of(make(killable_redis.url), uuid4())
    for _ in range(3):
        await cache.set("1", "x")
        assert await cache.get("1") == "x"
        killable_redis.kill()
        await until(lambda: gone(cache))  # memory is used until its subscription is known to have ended
        await used(cache)
        for call in (cache.get_stats(), cache.clear_pattern("*")):
            with pytest.raises(Unavailable):
                await call
        killable_redis.start()
        await until(lambda: stored(cache))


async def stored(cache: CacheProvider[str], value: str = "x") -> bool:
    await cache.set("1", value)
    return await cache.get("1") == value


async def test_no_caller_fails_or_waits_long_while_redis_does_not_answer(make: Make, proxy: Proxy) -> None:
    """A server that accepts and never answers, as behind a network that drops packets."""
    caches = make(f"redis://{proxy.host}:{proxy.port}/", seconds=QUICK)
    cache = of(caches, uuid4())
    assert await stored(cache)
    with proxy.silent():
        await used(cache)
        await asyncio.gather(*(used(cache) for _ in range(200)))
        figures = caches.client._policy.figures()
    assert figures.refused > 1000, "of 1800 calls, most never wait: the circuit is open"
    await until(lambda: stored(cache))


async def test_no_caller_waits_for_a_probe_and_redis_is_used_again(make: Make, proxy: Proxy) -> None:
    client = make(f"redis://{proxy.host}:{proxy.port}/0", seconds=QUICK).client
    await client.call(lambda redis: redis.execute("PING"))
    with proxy.silent():
        async with asyncio.timeout(PATIENCE):
            while client._policy.state is not CircuitState.HALF_OPEN:
                with contextlib.suppress(Unavailable):
                    await client.call(lambda redis: redis.execute("PING"))
                await asyncio.sleep(0.001)
        for _ in range(3):
            with pytest.raises(Unavailable):
                client.call(lambda redis: redis.execute("PING")).send(None)  # it never waits
    async with asyncio.timeout(PATIENCE):
        while client._policy.state is not CircuitState.CLOSED:
            with contextlib.suppress(Unavailable):
                await client.call(lambda redis: redis.execute("PING"))
            await asyncio.sleep(0.001)
    assert await client.call(lambda redis: redis.execute("PING"))


async def test_an_answer_that_comes_too_late_is_nobody_elses(make: Make, proxy: Proxy) -> None:
    """A connection whose caller gave up is not used again: its next answer belongs to that caller."""
    owner, keys = uuid4(), [str(number) for number in range(20)]
    caches = [of(make(f"redis://{proxy.host}:{proxy.port}/", seconds=QUICK), owner) for _ in range(10)]
    await caches[0].set_many({key: key for key in keys})
    with proxy.slow(2 * int(QUICK * 1000)):
        for cache in caches:
            assert await asyncio.gather(*(cache.get(key) for key in keys)) == [None] * 20
    for cache in caches:
        await until(lambda: stored(cache, "1"))  # noqa: B023 -- called before the next round
        found = await asyncio.gather(*(cache.get(key) for key in keys))
        assert {key for key, value in zip(keys, found, strict=True) if value not in (None, key)} == set()


async def test_no_caller_fails_while_connections_are_cut(make: Make, proxy: Proxy) -> None:
    cache = of(make(f"redis://{proxy.host}:{proxy.port}/"), uuid4())
    assert await stored(cache)
    proxy.cut()
    await used(cache)
    proxy.mend()
    await until(lambda: stored(cache))


async def test_an_invalidation_that_did_not_arrive_is_delivered_before_the_next_read(make: Make, proxy: Proxy, redis_url: str) -> None:
    owner = uuid4()
    cut, other = of(make(f"redis://{proxy.host}:{proxy.port}/"), owner), of(make(redis_url), owner)
    early = await cut.lookup("1", ["t"])
    assert await cut.store("1", "old", early.versions, 60)
    proxy.cut()
    await cut.invalidate(["t"])
    during = await cut.lookup("1", ["t"])
    assert not during.found
    assert await other.get("1") == "old", "until the lifetime ends, or the process that wrote reaches Redis again"
    proxy.mend()
    await until(lambda: reachable(cut))
    assert await other.get("1") is None
    for seen in (early, during):
        assert not await cut.store("1", "old", seen.versions, 60)


async def reachable(cache: CacheProvider[str]) -> bool:
    """Reads through the cache until the server has answered, and never the value that was invalidated."""
    assert not (await cache.lookup("1", ["t"])).found
    with contextlib.suppress(Unavailable):
        await cache.get_stats()
        return True
    return False


async def test_loads_before_and_after_an_invalidation_differ_without_redis(make: Make) -> None:
    cache = of(make("redis://127.0.0.1:1/"), uuid4())
    before = await cache.lookup("1", ["t"])
    await cache.invalidate(["t"])
    assert before.versions != (await cache.lookup("1", ["t"])).versions


async def test_undelivered_invalidations_are_bounded(make: Make) -> None:
    caches = make("redis://127.0.0.1:1/")
    await caches.invalidate(uuid4(), [str(number) for number in range(MAX_UNDELIVERED + 5)])
    assert len(caches._undelivered) == MAX_UNDELIVERED


async def test_doctor_names_the_server_or_the_reason(make: Make, redis_url: str) -> None:
    assert await make(redis_url).check() == f"Redis at {urlsplit(redis_url).netloc}"
    with pytest.raises(Unavailable, match="127.0.0.1:1: "):
        await make("redis://127.0.0.1:1/").check()


async def test_an_old_and_a_new_release_never_read_each_others_values(make: Make, redis_url: str) -> None:
    """Each release has its own form of one class, two levels deep. What one of them invalidates ends for both."""

    def released(kind: type) -> type:
        @dataclass(frozen=True)
        class Part:
            amount: kind  # type: ignore[valid-type]

        @dataclass(frozen=True)
        class Order:
            parts: tuple[Part, ...]

        return Order

    owner, kinds = uuid4(), {"old": int, "new": str}
    releases = {name: make(redis_url).providers("orders", released(kind))(owner) for name, kind in kinds.items()}

    async def use(name: str, number: int) -> None:
        cache, kind = releases[name], kinds[name]
        (field,) = fields(cache.namespace.kind)  # type: ignore[attr-defined]
        part = get_args(field.type)[0]
        seen = await cache.lookup(str(number % 10), ["orders"])
        if seen.found:
            assert [type(one.amount) for one in seen.value.parts] == [kind]
        elif number % 7:
            await cache.store(str(number % 10), cache.namespace.kind((part(kind(number)),)), seen.versions, 60)  # type: ignore[attr-defined]
        else:
            await cache.invalidate(["orders"])

    for number in range(0, 1000, 10):
        await asyncio.gather(*(use(name, number + step) for step in range(10) for name in releases))
    old = releases["old"]
    await old.store("1", old.namespace.kind(()), (await old.lookup("1", ["orders"])).versions, 60)  # type: ignore[attr-defined]
    await releases["new"].invalidate(["orders"])
    await until(lambda: ended(old))


async def ended(cache: CacheProvider[Any]) -> bool:
    return not (await cache.lookup("1", ["orders"])).found


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return self_signed(tmp_path)


async def test_over_tls_the_certificate_is_checked(make: Make, redis_url: str, certificate: tuple[Path, Path]) -> None:
    async with tls_in_front(redis_url, *certificate) as port:
        trusting = make(f"rediss://localhost:{port}/?ca={certificate[0]}")
        assert await trusting.check() == f"Redis at localhost:{port}"
        assert await stored(of(trusting, uuid4()))
        for wrong in (f"rediss://localhost:{port}/", f"rediss://127.0.0.1:{port}/?ca={certificate[0]}"):
            with pytest.raises(Unavailable, match="certificate verify failed"):
                await make(wrong).check()


@contextlib.asynccontextmanager
async def tls_in_front(url: str, certificate: Path, key: Path) -> AsyncIterator[int]:
    """A port that speaks TLS and passes everything on."""
    parts = urlsplit(url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while received := await reader.read(65_536):
                writer.write(received)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    listener = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    yield listener.sockets[0].getsockname()[1]
    listener.close()


def test_the_address_has_what_the_url_says() -> None:
    address = address_at("redis://ana:p%40ss@cache.example.com:7000/3")
    assert (address.hosts, address.tls) == ((("cache.example.com", 7000),), False)
    assert address.options == {"db": 3, "username": "ana", "password": "p@ss"}
    assert address_at("rediss://cache").hosts == (("cache", 6379),)
    assert address_at("rediss://cache").tls


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://", "must be redis://"),
        ("redis://host:port", "must be redis://"),
        ("redis://host/zero", "must be redis://"),
        ("redis://host/0#x", "must be redis://"),
        ("amqp://host", "must be redis://"),
        ("redis://host?ssl=1", "unknown parameter 'ssl'"),
        ("redis://host?ca=/x", "requires TLS"),
        ("rediss://host?ca=/nowhere", "existing PEM file"),
    ],
)
def test_a_bad_url_is_refused_without_showing_it(url: str, reason: str) -> None:
    secret = url.replace("://", "://ana:s3cret@", 1)
    with pytest.raises(ValueError, match=reason) as refused:
        address_at(secret)
    assert "s3cret" not in str(refused.value)

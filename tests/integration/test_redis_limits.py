"""What only the limiter in Redis promises: one count for all machines by one clock, and bounded waits and local limits without Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from redis.asyncio import Redis

from api_base.core.errors import Unavailable
from api_base.core.protocols import Charge, Rate
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.rate_limit.redis import RedisRateLimiter
from tests.application import running, settings_on
from tests.factories.limits import hit, redis_limiter
from tests.services import Killable, Proxy, Toxiproxy

WAIT = 0.1
"""Seconds that a decision may take here."""
LATE = 0.3
"""Seconds by which a busy machine may continue later than it should."""
PATIENCE = 30.0
RATE = Rate(100, 60, 100)
PROBES = 10
"""Calls that may be under way when the circuit opens, and probes of it."""
SHARE = 0.25

type Make = Callable[..., RedisRateLimiter]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes limiters that are closed after the test."""
    made: list[RedisRateLimiter] = []

    def one(url: str, **options: object) -> RedisRateLimiter:
        made.append(redis_limiter(url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for limiter in made:
        await limiter.close()


@pytest.fixture
def proxy(redis_url: str, toxiproxy: Toxiproxy) -> Iterator[Proxy]:
    with toxiproxy.to(urlsplit(redis_url).netloc) as made:
        yield made


def at(proxy: Proxy) -> str:
    return f"redis://{proxy.host}:{proxy.port}/"


async def counted(limiter: RedisRateLimiter) -> bool:
    """Whether Redis decides."""
    return not (await hit(limiter, "probe", RATE, checked=True)).reduced


async def until_counted(limiter: RedisRateLimiter) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await counted(limiter):
            await asyncio.sleep(0.02)


def came_back(began: float, share: float = 1.0) -> float:
    """What has come back since `began`, and what comes back while a decision is under way."""
    return (time.monotonic() - began + 1) * share * RATE.quota / RATE.window


async def test_machines_share_one_quota(make: Make, redis_url: str) -> None:
    prefix, began = uuid4().hex, time.monotonic()
    machines = [make(redis_url, prefix=prefix) for _ in range(4)]
    decisions = await asyncio.gather(*(hit(machines[number % 4], "203.0.113.7", RATE) for number in range(400)))
    assert 100 <= sum(decision.allowed for decision in decisions) <= 100 + came_back(began)
    assert not any(decision.reduced for decision in decisions)


async def test_the_clock_of_a_machine_decides_nothing(make: Make, redis_url: str) -> None:
    prefix = uuid4().hex
    ahead, behind = make(redis_url, prefix=prefix), make(redis_url, prefix=prefix)
    rate = Rate(1, 3600, 2)
    with time_machine.travel(time.time() + 86_400, tick=True):
        first = await hit(ahead, "a", rate)
    with time_machine.travel(time.time() - 86_400, tick=True):
        others = [await hit(behind, "a", rate) for _ in range(2)]
    assert [first.allowed, *(other.allowed for other in others)] == [True, True, False]


async def test_keys_name_nobody_end_and_have_one_slot_for_each_partition(make: Make, redis_url: str) -> None:
    prefix = uuid4().hex
    limiter = make(redis_url, prefix=prefix)
    await limiter.hit(
        [Charge(partition, policy, RATE) for partition in ("address 203.0.113.7", "tenant x") for policy in ("default", "login")]
    )
    async with Redis.from_url(redis_url, decode_responses=True) as server:
        keys = [key async for key in server.scan_iter(f"{prefix}:*")]
        lifetimes = [await server.pttl(key) for key in keys]
    assert sorted(key.rpartition(":")[2] for key in keys) == ["default", "default", "login", "login"]
    assert len({key[key.index("{") : key.index("}")] for key in keys}) == 2
    assert not any("203.0.113.7" in key or "tenant" in key for key in keys)
    assert all(0 < lifetime <= 61_000 for lifetime in lifetimes)


async def test_a_value_of_somebody_else_is_no_arrival(make: Make, redis_url: str) -> None:
    prefix = uuid4().hex
    limiter = make(redis_url, prefix=prefix)
    await hit(limiter, "a", RATE)
    async with Redis.from_url(redis_url, decode_responses=True) as server:
        (key,) = [key async for key in server.scan_iter(f"{prefix}:*")]
        await server.set(key, "nan? no number")
    assert (await hit(limiter, "a", RATE)).states[0].remaining == 99


def slow(proxy: Proxy) -> AbstractContextManager[None]:
    return proxy.slow(2000)


@contextlib.contextmanager
def cut(proxy: Proxy) -> Iterator[None]:
    proxy.cut()
    yield
    proxy.mend()


@pytest.mark.parametrize("fault", [slow, Proxy.resetting, Proxy.silent, cut], ids=["latency of 2 s", "reset", "blackhole", "cut"])
async def test_without_redis_a_share_of_each_limit_holds_and_nobody_waits_long(
    make: Make, proxy: Proxy, fault: Callable[[Proxy], AbstractContextManager[None]]
) -> None:
    limiter = make(at(proxy), seconds=WAIT, share=SHARE)
    await until_counted(limiter)
    with fault(proxy):
        began, waits, decisions = time.monotonic(), [], []
        for _ in range(200):
            asked = time.monotonic()
            decisions += await asyncio.gather(*(hit(limiter, "a", RATE) for _ in range(2)))
            waits.append(time.monotonic() - asked)
        assert all(decision.reduced for decision in decisions)
        assert max(waits) < WAIT + LATE
        assert sum(waits) < 200 * WAIT / 4, "the circuit opens: most do not wait"
        allowed = sum(decision.allowed for decision in decisions)
        assert RATE.burst * SHARE <= allowed <= RATE.burst * SHARE + came_back(began, SHARE)
        assert (await hit(limiter, "b", RATE)).allowed, "nobody is refused for another"
        assert (await hit(limiter, "c", Rate(1, 60, 3), 3)).allowed, "what costs the whole burst still passes"
    await until_counted(limiter)
    left = (await hit(limiter, "a", RATE)).states[0].remaining
    assert left >= RATE.burst - 1 - PROBES, "what was sent before the circuit opened may arrive late, and nothing else"


async def test_no_request_fails_while_redis_is_killed_under_load_and_it_is_used_again(make: Make, killable_redis: Killable) -> None:
    limiter = make(killable_redis.url, seconds=WAIT, share=SHARE)
    allowed, ending = [], asyncio.Event()
    began = time.monotonic()

    async def client() -> None:
        while not ending.is_set():
            decision = await hit(limiter, "a", RATE)
            if decision.allowed:
                allowed.append(decision.reduced)
            await asyncio.sleep(0.001)

    clients = [asyncio.create_task(client()) for _ in range(8)]
    for _ in range(3):
        await until_counted(limiter)
        await asyncio.to_thread(killable_redis.kill)
        async with asyncio.timeout(PATIENCE):
            while await counted(limiter):
                await asyncio.sleep(0.02)
        await asyncio.to_thread(killable_redis.start)
    await until_counted(limiter)
    ending.set()
    await asyncio.gather(*clients)
    assert allowed.count(False) <= 4 * RATE.burst + came_back(began), "a server that lost its memory grants each burst again"
    assert RATE.burst * SHARE <= allowed.count(True) <= RATE.burst * SHARE + came_back(began, SHARE)


async def test_a_refusal_of_one_slot_gives_back_what_others_charged_also_when_that_fails(make: Make, redis_url: str) -> None:
    limiter = make(redis_url)
    wide, narrow = Rate(10, 3600, 10), Rate(1, 3600, 1)
    both = [Charge("a", "wide", wide), Charge("b", "narrow", narrow)]
    assert (await limiter.hit(both)).allowed
    assert not (await limiter.hit(both)).allowed
    assert (await limiter.hit([both[0]._replace(checked=True)])).states[0].remaining == 8

    async def fails(slots: object) -> None:
        raise Unavailable("gone in this moment")

    decide, limiter._decide = limiter._decide, fails  # type: ignore[method-assign,assignment]
    await limiter._give_back([both], asyncio.get_running_loop().time() + 1)
    limiter._decide = decide  # type: ignore[method-assign]
    assert (await limiter.hit([both[0]._replace(checked=True)])).states[0].remaining == 8


async def test_doctor_names_the_server_or_the_reason(make: Make, redis_url: str) -> None:
    assert await make(redis_url).check() == f"Redis at {urlsplit(redis_url).netloc}"
    with pytest.raises(Unavailable, match="127.0.0.1:1: "):
        await make("redis://127.0.0.1:1/").check()


async def test_a_request_beyond_the_local_share_is_told_of_reduced_capacity(migrated: Urls, proxy: Proxy) -> None:
    limits = {"url": at(proxy), "prefix": uuid4().hex, "requests": 1, "burst": 8, "local_share": 0.25, "timeout_seconds": 1}
    async with running(settings_on(migrated, rate_limit=limits)) as api:
        assert {(await api.client.get("/keys")).status_code for _ in range(8)} == {404}
        full = await api.client.get("/keys")
        assert (full.status_code, full.json()["type"].rpartition("#")[2], full.json()["violated-policies"]) == (
            429,
            "quota-exceeded",
            ["default"],
        )
        proxy.cut()
        answers = [await api.client.get("/keys") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 503, 503]
        refused = answers[-1].json()
        assert refused["type"] == "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
        assert refused["violated-policies"] == ["default"]
        assert int(answers[-1].headers["retry-after"]) >= 1
        proxy.mend()
        async with asyncio.timeout(PATIENCE):
            while (await api.client.get("/keys")).status_code != 429:
                await asyncio.sleep(0.05)


async def test_no_http_request_fails_while_redis_is_killed_and_started_again(migrated: Urls, killable_redis: Killable) -> None:
    limits = {"url": killable_redis.url, "prefix": uuid4().hex, "requests": 10**6, "burst": 10**6}
    async with running(settings_on(migrated, rate_limit=limits)) as api:
        statuses, ending = [], asyncio.Event()

        async def client() -> None:
            while not ending.is_set():
                statuses.append((await api.client.get("/.well-known/jwks.json")).status_code)
                await asyncio.sleep(0.001)  # in process, a request without Redis never leaves the event loop to others

        async def reduced() -> bool:
            return (await hit(api.services.container.rate_limiter, "probe", RATE, checked=True)).reduced  # type: ignore[arg-type]

        clients = [asyncio.create_task(client()) for _ in range(4)]
        for _ in range(3):
            await asyncio.to_thread(killable_redis.kill)
            async with asyncio.timeout(PATIENCE):
                while not await reduced():
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(killable_redis.start)
            async with asyncio.timeout(PATIENCE):
                while await reduced():
                    await asyncio.sleep(0.02)
        ending.set()
        await asyncio.gather(*clients)
    assert set(statuses) == {200}

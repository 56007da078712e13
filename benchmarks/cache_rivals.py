"""A hit of `@cached` against one of cashews and of aiocache, on the same Redis at `TEST_REDIS_URL` and in memory, in an environment of their own.

In time, and in CPU of this process: other programs on the machine delay the server of Redis, which all of them wait for. Rounds are short and take
turns, so that they have the same neighbours.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import uvloop

from api_base.core.protocols import Caches
from api_base.infrastructure.cache.decorators import cached
from api_base.infrastructure.cache.memory_provider import MemoryCaches
from api_base.infrastructure.cache.redis_provider import RedisCaches
from api_base.infrastructure.cache.tiered_provider import TieredCaches
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.resilience.patterns import PolicyConfig, PolicyRegistry
from benchmarks.report import show

ROOT = Path(__file__).parents[1]
RIVALS = ("cashews[redis]==7.6.0", "aiocache[redis]==0.12.3")
ROUNDS, HITS, TTL = 45, 400, 600

type Read = Callable[[UUID], Awaitable["Film"]]


@dataclass(frozen=True, slots=True)
class Film:
    id: UUID
    title: str
    year: int
    genres: tuple[str, ...]


def main() -> None:
    url = os.environ.get("TEST_REDIS_URL")
    if url is None:
        raise SystemExit("cache-rivals needs TEST_REDIS_URL, as `make services` prints it.")
    with tempfile.TemporaryDirectory() as folder:
        uv, python = ROOT / ".tools/uv", Path(folder) / "bin/python"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "--editable", f"{ROOT}[redis]", *RIVALS], check=True)
        subprocess.run([python, "-m", "benchmarks.cache_rivals", url], check=True, cwd=ROOT)


async def measure(url: str) -> None:
    tiered = tiered_of(url)
    contests: dict[str, dict[str, Read]] = {
        "Redis": {"ours": ours(RedisCaches(client(url), uuid4().hex)), "cashews": cashews(url), "aiocache": aiocache(url)},
        "memory": {"ours": ours(MemoryCaches()), "cashews": cashews("mem://"), "aiocache": aiocache(None)},
        "two tiers": {"ours": ours(tiered), "cashews": cashews(url, client_side=True)},
    }
    while not tiered.fresh():
        await asyncio.sleep(0.01)
    for where, reads in contests.items():
        film = uuid4()
        assert len({repr([await read(film), await read(film)]) for read in reads.values()}) == 1
        figures: dict[str, dict[str, list[float]]] = {what: {name: [] for name in reads} for what in ("time", "CPU")}
        for _ in range(ROUNDS):
            for name, read in reads.items():
                for what, found in (await cost(read, film)).items():
                    figures[what][name].append(found)
        for what, by_name in figures.items():
            for name, found in by_name.items():
                show(f"a hit in {where}, {what}: {name}", found, "µs")
            for name in by_name.keys() - {"ours"}:
                ratios = [theirs / mine for theirs, mine in zip(by_name[name], by_name["ours"], strict=True)]
                show(f"ours against {name}, {where}, {what}", ratios, "×", owed="1.0")


async def cost(read: Read, film: UUID) -> dict[str, float]:
    """Microseconds for one hit."""
    began, used = time.perf_counter(), time.process_time()
    for _ in range(HITS):
        await read(film)
    return {"time": (time.perf_counter() - began) / HITS * 1e6, "CPU": (time.process_time() - used) / HITS * 1e6}


async def load(film: UUID) -> Film:
    return Film(film, "Aniki-Bóbó", 1942, ("drama", "family"))


def client(url: str) -> RedisClient:
    return RedisClient(address_at(url), PolicyRegistry(PolicyConfig()).dispensable("redis", 5.0), 5.0)


def tiered_of(url: str) -> TieredCaches:
    return TieredCaches(client(url), uuid4().hex, MemoryCaches(), address_at(url))


def ours(caches: Caches) -> Read:
    """With a tag, and with the form of a value that another release could not misread: the rivals have neither."""
    films = caches.providers("films", Film)(uuid4())
    return cached(lambda film: films, key=lambda film: str(film), ttl=TTL, tags=lambda film: ("films",))(load)


def cashews(url: str, *, client_side: bool = False) -> Read:
    from cashews import Cache

    cache = Cache()
    cache.setup(url, **({"client_side": True} if client_side else {}))
    read: Read = cache(ttl=TTL, key="film:{film}", prefix=uuid4().hex)(load)
    return read


def aiocache(url: str | None) -> Read:
    from aiocache import RedisCache, SimpleMemoryCache
    from aiocache import cached as aio_cached
    from aiocache.serializers import PickleSerializer

    parts = urlsplit(url or "")
    where = {"cache": SimpleMemoryCache} if url is None else {"cache": RedisCache, "endpoint": parts.hostname, "port": parts.port}
    form = {} if url is None else {"serializer": PickleSerializer()}
    decorate = aio_cached(ttl=TTL, key_builder=lambda function, film: str(film), namespace=uuid4().hex, **where, **form)
    read: Read = decorate(load)
    return read


if __name__ == "__main__":
    uvloop.run(measure(sys.argv[1]))

"""Redis behind Sentinel: real processes of Valkey, whose primary is killed in a stampede."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api_base.core.protocols import CacheProvider
from api_base.infrastructure.cache.redis_provider import RedisCaches
from api_base.infrastructure.redis.client import CONNECTIONS, address_at
from tests import services
from tests.factories.cache import PATIENCE, redis_caches, subscribed, tiered_caches
from tests.isolation import child_setup

NAME = "primary"
SENTINEL = """
port {port}
dir {home}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel down-after-milliseconds {name} 300
sentinel failover-timeout {name} 2000
"""


class Servers:
    """A primary, a replica and a Sentinel."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self._home = program, home
        self.started: list[subprocess.Popen[bytes]] = []
        self.primary, self.replica, self.sentinel = free_port(), free_port(), free_port()
        self.url = f"redis://127.0.0.1:{self.sentinel}/?sentinel={NAME}"

    async def start(self) -> None:
        self._run("--port", str(self.primary))
        self._run("--port", str(self.replica), "--replicaof", "127.0.0.1", str(self.primary))
        await until(lambda: self.answers(self.replica, "master_link_status", "up"))
        configuration = self._home / "sentinel.conf"
        configuration.write_text(SENTINEL.format(port=self.sentinel, home=self._home, name=NAME, primary=self.primary))
        self._run(str(configuration), "--sentinel")
        await until(lambda: self.answers(self.sentinel, "master0", "slaves", "1"))

    def _run(self, *arguments: str) -> None:
        options = (
            ()
            if arguments[-1] == "--sentinel"
            else ("--save", "", "--dir", str(self._home), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
        )
        output = (self._home / f"{len(self.started)}.log").open("wb")
        self.started.append(subprocess.Popen([self._program, *arguments, *options], stdout=output, preexec_fn=child_setup()))

    async def answers(self, port: int, name: str, *expected: str) -> bool:
        """Whether a field of INFO has a value."""
        async with Redis(port=port, decode_responses=True) as client:
            try:
                found = (await client.info()).get(name)
            except (OSError, RedisError):
                return False
        return str(found) == expected[0] if len(expected) == 1 else isinstance(found, dict) and str(found.get(expected[0])) == expected[1]

    def kill_primary(self) -> None:
        self.started[0].send_signal(signal.SIGKILL)
        self.started[0].wait()

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    programs = sorted((services.STARTED / "bin").glob("valkey-*"))
    if not programs:
        services.absent("Valkey has not been installed (`make services`)")
    made = Servers(programs[-1], tmp_path)
    try:
        await made.start()
        yield made
    finally:
        made.end()


@pytest.fixture(params=[redis_caches, tiered_caches], ids=["redis", "tiered"])
async def caches(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[RedisCaches]:
    found: RedisCaches = request.param(servers.url)
    yield found
    await found.close()


async def stored(cache: CacheProvider[str], value: str) -> bool:
    await cache.set("1", value)
    return await cache.get("1") == value


async def test_a_stampede_waits_for_connections_and_survives_a_failover(servers: Servers, caches: RedisCaches) -> None:
    """No caller fails; after the failover the replica, which is now the primary, is used without a restart."""
    cache = caches.providers("texts", str)(uuid4())
    assert await stored(cache, "x")
    assert await asyncio.gather(*(cache.get("1") for _ in range(500))) == ["x"] * 500
    async with Redis(port=servers.primary, decode_responses=True) as client:
        assert len([one for one in await client.client_list() if one["name"] == ""]) < CONNECTIONS + 10
    calls = [asyncio.create_task(cache.get("1")) for _ in range(500)]
    await asyncio.sleep(0)
    servers.kill_primary()
    assert set(await asyncio.gather(*calls)) <= {"x", None}
    await until(lambda: stored(cache, "y"))
    async with Redis(port=servers.replica) as client:
        assert (await client.info())["role"] == "master"
        assert await client.dbsize() > 0
    await until(lambda: all_find(cache, "y"))  # failures of the failover may open the circuit for another second


async def all_find(cache: CacheProvider[str], value: str) -> bool:
    return set(await asyncio.gather(*(cache.get("1") for _ in range(500)))) == {value}


async def test_the_pool_waits_for_connections(servers: Servers) -> None:
    """Five times as many calls as connections, without anything that bounds them in front."""
    pool = address_at(servers.url).pool(PATIENCE)
    assert await asyncio.gather(*(Redis(connection_pool=pool).ping() for _ in range(5 * CONNECTIONS))) == [True] * 5 * CONNECTIONS
    await pool.aclose()


async def test_announcements_continue_after_a_failover(servers: Servers) -> None:
    owner = uuid4()
    one, two = [await subscribed(tiered_caches(servers.url)) for _ in range(2)]
    mine, theirs = (caches.providers("texts", str)(owner) for caches in (one, two))
    servers.kill_primary()
    await until(lambda: stored(mine, "x"))
    await until(lambda: asyncio.sleep(0, two.fresh()))
    await until(lambda: asyncio.sleep(0, one.fresh()))
    await until(lambda: equals(theirs, "x"))
    await mine.set("1", "y")
    await until(lambda: equals(theirs, "y"))
    for caches in (one, two):
        await caches.close()


async def equals(cache: CacheProvider[str], value: str) -> bool:
    return await cache.get("1") == value


def test_the_url_names_the_sentinels() -> None:
    address = address_at("redis://ana:secret@one/2?sentinel=main&sentinels=two:26380,three:26381")
    assert (address.host, address.port, address.service) == ("one", 26379, "main")
    assert address.sentinels == (("two", 26380), ("three", 26381))
    assert address.options == {"db": 2, "username": "ana", "password": "secret"}
    assert (address_at("redis://one").port, address_at("redis://one").service) == (6379, "")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sentinels=two:26379", "requires sentinel"),
        ("sentinel=main&sentinels=two", "must list sentinels"),
        ("sentinel=main&sentinels=two:70000", "must list sentinels"),
        ("sentinel=main&sentinels=:1", "must list sentinels"),
        ("sentinel=main&other=1", "unknown parameter 'other'"),
    ],
)
def test_a_bad_list_of_sentinels_is_refused(query: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        address_at(f"redis://ana:s3cret@one?{query}")
    assert "s3cret" not in str(refused.value)

"""The connections to one server of Redis that calls share: whose answer is whose, how many there are, and when one ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from api_base.core.errors import Unavailable
from api_base.infrastructure.redis.address import address_at
from api_base.infrastructure.redis.connection import BUSY
from api_base.infrastructure.redis.servers import CONNECTIONS, OneServer
from tests.factories.cache import redis_caches
from tests.redis_topologies import Node, free_ports, running
from tests.services import Proxy, Toxiproxy

PATIENCE, PATIENT, QUICK = 30.0, 5.0, 0.2


@pytest.fixture
async def servers(redis_url: str) -> AsyncIterator[OneServer]:
    made = OneServer(address_at(redis_url), PATIENT)
    yield made
    await made.close()


@pytest.fixture
def proxy(redis_url: str, toxiproxy: Toxiproxy) -> Iterator[Proxy]:
    with toxiproxy.to(urlsplit(redis_url).netloc) as made:
        yield made


async def test_each_caller_gets_its_own_answer_also_after_one_gave_up(servers: OneServer) -> None:
    texts = [str(number) for number in range(1000)]
    callers = [asyncio.create_task(servers.execute("ECHO", text)) for text in texts]
    await asyncio.sleep(0)
    for caller in callers[::3]:
        caller.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, bytes)] == [text.encode() for number, text in enumerate(texts) if number % 3]
    assert await servers.execute("ECHO", "next") == b"next"


async def test_while_one_connection_waits_another_one_is_used(servers: OneServer) -> None:
    key = f"tests:{uuid4()}"
    taken = [asyncio.create_task(servers.execute("BLPOP", key, PATIENT)) for _ in range(3 * CONNECTIONS)]
    try:
        while len(servers._open) < CONNECTIONS:
            taken.append(asyncio.create_task(servers.execute("BLPOP", key, PATIENT)))
            await asyncio.sleep(0.01)
        assert len(servers._open) == CONNECTIONS
        waiting = [one.waiting for one in servers._open]
        taken.append(asyncio.create_task(servers.execute("BLPOP", key, PATIENT)))
        await asyncio.sleep(0)
        assert min(waiting) + 1 == servers._open[waiting.index(min(waiting))].waiting
        assert sum(waiting) + 1 == sum(one.waiting for one in servers._open) == len(taken)
    finally:
        await servers.close()
    assert {type(error) for error in await asyncio.gather(*taken, return_exceptions=True)} == {RedisConnectionError}


async def test_a_server_that_allows_no_more_connections_is_not_asked_with_each_command(unused_tcp_port: int) -> None:
    asked: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        await reader.read(1)
        writer.write(b"%0\r\n" if len(asked) == 1 else b"-ERR max number of clients reached\r\n")

    listener = await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port)
    servers = OneServer(address_at(f"redis://127.0.0.1:{unused_tcp_port}/"), PATIENT)
    callers = []
    for _ in range(20):
        callers.append(asyncio.create_task(servers.execute("PING")))
        await asyncio.sleep(0.005)
    assert len(asked) == 2
    await servers.close()
    await asyncio.gather(*callers, return_exceptions=True)
    listener.close()


async def test_without_an_answer_in_time_the_connection_ends_for_all_its_calls(proxy: Proxy) -> None:
    servers = OneServer(address_at(f"redis://{proxy.host}:{proxy.port}/"), QUICK)
    assert await servers.execute("ECHO", "1") == b"1"
    with proxy.silent():
        began = time.monotonic()
        answers = await asyncio.gather(*(servers.execute("ECHO", "x") for _ in range(10)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {RedisTimeoutError}
        assert time.monotonic() - began >= QUICK
        assert servers._open == []
    await until_used(servers)
    await servers.close()


async def until_used(servers: OneServer) -> None:
    """What was opened before may be lost, and the server may be starting."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(RedisError, OSError):
                assert await servers.execute("ECHO", "used") == b"used"
                return
            await asyncio.sleep(0.02)


async def test_an_answer_that_arrives_while_the_event_loop_is_busy_counts(redis_url: str) -> None:
    servers = OneServer(address_at(redis_url), QUICK)
    assert await servers.execute("ECHO", "1") == b"1"
    caller = asyncio.create_task(servers.execute("ECHO", "2"))
    await asyncio.sleep(0)
    time.sleep(QUICK + 10 * BUSY)  # noqa: ASYNC251 -- what is tested
    assert await caller == b"2"
    assert len(servers._open) == 1
    await servers.close()


async def test_an_event_loop_that_is_always_busy_leaves_a_silent_server_too(proxy: Proxy) -> None:
    servers = OneServer(address_at(f"redis://{proxy.host}:{proxy.port}/"), QUICK)
    assert await servers.execute("ECHO", "1") == b"1"
    with proxy.silent():
        caller = asyncio.create_task(servers.execute("ECHO", "2"))
        for _ in range(10):
            time.sleep(20 * BUSY)  # noqa: ASYNC251 -- what is tested
            await asyncio.sleep(0)
        assert type(caller.exception()) is RedisTimeoutError
    await servers.close()


async def test_user_password_and_database_are_those_of_the_url(tmp_path: Path) -> None:
    node = Node(tmp_path, free_ports(1)[0], ("--requirepass", "general", "--user", "ana", "on", ">p@ss", "~*", "&*", "+@all"))
    with running([node]):
        for credentials in (":general@", "ana:p%40ss@"):
            first, other = (OneServer(address_at(f"redis://{credentials}127.0.0.1:{node.port}/{number}"), PATIENT) for number in (0, 3))
            await until_used(first)
            await first.execute("SET", "key", "first")
            assert await other.execute("GET", "key") is None
            assert await first.execute("GET", "key") == b"first"
            await first.close()
            await other.close()
        for credentials, reason in (("", "NOAUTH"), (":wrong@", "WRONGPASS"), ("ana:wrong@", "WRONGPASS")):
            caches = redis_caches(f"redis://{credentials}127.0.0.1:{node.port}/")
            with pytest.raises(Unavailable, match=f"127.0.0.1:{node.port}: {reason}"):
                await caches.check()


async def test_a_connection_that_is_not_made_in_time_says_so(unused_tcp_port: int) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin no TLS."""
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()

    listener = await asyncio.start_server(wait, "127.0.0.1", unused_tcp_port)
    servers = OneServer(address_at(f"rediss://127.0.0.1:{unused_tcp_port}/"), QUICK)
    with pytest.raises(RedisTimeoutError, match="No connection within 0.2 s."):
        await servers.execute("PING")
    await servers.close()
    listener.close()


async def test_a_primary_that_became_a_replica_is_left(tmp_path: Path) -> None:
    node = Node(tmp_path, free_ports(1)[0])
    with running([node]):
        await asyncio.to_thread(node.ask, "PING")
        servers = OneServer(address_at(f"redis://127.0.0.1:{node.port}/"), PATIENT)
        await servers.execute("SET", "1", "x")
        (used,) = servers._open
        await asyncio.to_thread(node.ask, "REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(ReadOnlyError):
            await servers.execute("SET", "1", "y")
        assert servers._open == []
        await asyncio.to_thread(node.ask, "REPLICAOF", "NO", "ONE")
        await servers.execute("SET", "1", "z")
        assert used not in servers._open
        await servers.close()


async def test_who_waits_for_a_connection_is_told_that_all_are_closed(redis_url: str) -> None:
    servers = OneServer(address_at(redis_url), PATIENT)
    callers = [asyncio.create_task(servers.execute("ECHO", "x")) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await servers.close()
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [asyncio.CancelledError, RedisConnectionError, RedisConnectionError]
    assert await servers.execute("ECHO", "next") == b"next"
    await servers.close()


async def test_an_error_is_raised_and_the_connection_stays(servers: OneServer) -> None:
    await servers.execute("ECHO", "1")
    (used,) = servers._open
    with pytest.raises(ResponseError, match="wrong number of arguments"):
        await servers.execute("ECHO")
    assert await servers.execute("ECHO", "2") == b"2"
    assert servers._open == [used]


async def test_an_error_does_not_repeat_the_password(unused_tcp_port: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As Redis 5 does."""
        await reader.read(1)
        writer.write(b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `s3cret`, \r\n")

    listener = await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port)
    servers = OneServer(address_at(f"redis://:s3cret@127.0.0.1:{unused_tcp_port}/"), PATIENT)
    with pytest.raises(ResponseError) as raised:
        await servers.execute("PING")
    assert str(raised.value) == "ERR unknown command `HELLO`"
    await servers.close()
    listener.close()


async def test_what_is_no_server_of_redis_is_said(unused_tcp_port: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listener = await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port)
    servers = OneServer(address_at(f"redis://127.0.0.1:{unused_tcp_port}/"), PATIENT)
    with pytest.raises(InvalidResponse, match="no answer"):
        await servers.execute("PING")
    await servers.close()
    listener.close()

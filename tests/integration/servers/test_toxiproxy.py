"""What we rely on in toxiproxy: connections through it are cut and refused, until it is mended."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.services import Proxy, Toxiproxy


async def test_a_cut_ends_what_is_open_and_refuses_what_is_new(toxiproxy: Toxiproxy, echo: str) -> None:
    with toxiproxy.to(echo) as proxy:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        assert await echoed(reader, writer) == b"hello\n"
        proxy.cut()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(proxy.host, proxy.port)
        writer.close()


async def test_mended_it_lets_pass_again_on_the_same_port(toxiproxy: Toxiproxy, echo: str) -> None:
    with toxiproxy.to(echo) as proxy:
        port = proxy.port
        proxy.cut()
        proxy.mend()
        reader, writer = await asyncio.open_connection(proxy.host, port)
        assert await echoed(reader, writer) == b"hello\n"
        writer.close()


async def test_it_is_gone_with_the_test(toxiproxy: Toxiproxy, echo: str) -> None:
    with toxiproxy.to(echo) as proxy:
        assert await opens(proxy)
    assert not await opens(proxy)


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """A server that sends lines back, as `host:port`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"hello\n")
    return await asyncio.wait_for(reader.readline(), 10)


async def opens(proxy: Proxy) -> bool:
    try:
        _, writer = await asyncio.open_connection(proxy.host, proxy.port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True

"""Connections that take what a server has before they say who they are: slowly, endlessly, or by the thousand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

HEAD = b"GET /api/v1/items HTTP/1.1\r\nHost: a\r\n"
type Write = Callable[[bytes], Awaitable[None]]


async def slow_header(write: Write) -> None:
    for byte in HEAD * 100:
        await write(bytes([byte]))
        await asyncio.sleep(0.1)


async def slow_body(write: Write) -> None:
    await write(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
    while True:
        await asyncio.sleep(0.1)
        await write(b" ")


async def idle(write: Write) -> None:
    await write(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.Event().wait()


async def endless_header(write: Write) -> None:
    await write(HEAD + b"X: ")
    for _ in range(60):
        await write(b"y" * 1_000_000)


async def endless_headers(write: Write) -> None:
    await write(HEAD + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 10_000)


async def unread_body(write: Write) -> None:
    """A body of which the server reads nothing, since nothing is at its path."""
    await write(b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b" " * 200_000)
    await asyncio.Event().wait()


KINDS = (slow_header, slow_body, idle, endless_header, endless_headers, unread_body)


@asynccontextmanager
async def hostile(port: int, connections: int) -> AsyncIterator[None]:
    """Keep `connections` hostile connections open; each begins anew when the server closes it."""

    async def behave(kind: Callable[[Write], Awaitable[None]]) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)

                async def write(data: bytes, writer: asyncio.StreamWriter = writer) -> None:
                    writer.write(data)
                    await writer.drain()

                ends = [asyncio.create_task(reader.read()), asyncio.ensure_future(kind(write))]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()
                await asyncio.gather(*ends, return_exceptions=True)
                writer.close()
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(behave(KINDS[number % len(KINDS)])) for number in range(connections)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

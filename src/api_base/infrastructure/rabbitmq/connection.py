"""One connection of this process to RabbitMQ, made when it is needed, and made again after it was lost.

The driver has a connection that reopens itself, with everything that was declared on it: behind its back a queue may be older than what
was asked of it. Here who uses a channel opens it, and opens another once that is closed.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from api_base.core.errors import Unavailable

FAILURES: Final = CONNECTION_EXCEPTIONS
"""What the driver raises when the broker, or the way to it, is not well. Timeouts are among `OSError`'s, and what is used after it was
closed raises `RuntimeError`: so what is not the driver's does not belong where these are caught."""
PATIENCE: Final = 5.0
"""Seconds that opening and closing may take."""
HEARTBEAT: Final = 10
"""Seconds between signs of life on an idle connection; three that are missing end it."""


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises `Unavailable` for what the driver raises in the block."""
    try:
        yield
    except FAILURES as error:
        raise Unavailable(f"RabbitMQ could not be used for {doing}: {error or type(error).__name__}") from error


class RabbitMqConnection:
    """To the broker at `url` [amqp-uri-spec of RabbitMQ; amqps:// for TLS]. `name` is what it shows to its operators."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = _with_heartbeat(url), name
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def channel(self) -> AbstractChannel:
        """A new channel, on which publishing waits for the broker's confirm, and raises for what no queue takes. Raises `Unavailable`."""
        with translated("a channel"):
            async with asyncio.timeout(PATIENCE):
                return await (await self._opened()).channel(publisher_confirms=True, on_return_raises=True)

    async def close(self) -> None:
        """What is open on it is closed too; another use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(PATIENCE):
                    await connection.close()

    async def check(self) -> str:
        """Who answers. Raises `Unavailable`."""
        await (await self.channel()).close()
        return f"RabbitMQ at {_shown(self._url)}"

    async def _opened(self) -> AbstractConnection:
        async with self._opening:
            if self._connection is None or not self._connection.connected.is_set():
                self._connection = await aio_pika.connect(self._url, client_properties={"connection_name": self._name})
            return self._connection


async def check(url: str) -> str:
    """Connect once, and name the broker. Raises `Unavailable`."""
    connection = RabbitMqConnection(url, "check")
    try:
        return await connection.check()
    finally:
        await connection.close()


def _with_heartbeat(url: str) -> str:
    return url if "heartbeat=" in url else f"{url}{'&' if '?' in url else '?'}heartbeat={HEARTBEAT}"


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"

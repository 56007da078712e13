"""A connection of this process to RabbitMQ, opened at the first use and again after it was lost.

The driver's robust connection reopens itself and restores its channels, and then reports a cached state of a queue. So here each user of a
channel opens it, and opens another one when it is closed.
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
"""The exceptions of the driver when the broker or the network fails.

They are `OSError`, which includes timeouts, and `RuntimeError` for a closed channel. Catch them only around calls of the driver.
"""
OPERATION_TIMEOUT: Final = 5.0
"""Seconds that an operation on the connection may take."""
HEARTBEAT: Final = 10
"""Seconds between heartbeats on an idle connection; it is closed after three missing ones."""


@contextlib.contextmanager
def translated(purpose: str) -> Iterator[None]:
    """Raises `Unavailable` for the errors of the driver in the block."""
    try:
        yield
    except FAILURES as error:
        raise Unavailable(f"RabbitMQ failed while {purpose}.", reason=error) from error


class RabbitMqConnection:
    """A connection to the broker at `url` [amqp-uri-spec of RabbitMQ; amqps:// for TLS]. The broker shows `name` to its operators."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = _with_heartbeat(url), name
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()

    async def channel(self) -> AbstractChannel:
        """Open a channel.

        Publishing on it waits for the broker's confirm, and raises for a message that no queue accepts. Raises `Unavailable`.
        """
        with translated("opening a channel"):
            async with asyncio.timeout(OPERATION_TIMEOUT):
                return await (await self._opened()).channel(publisher_confirms=True, on_return_raises=True)

    async def close(self) -> None:
        """Close the connection and its channels; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*FAILURES):
                async with asyncio.timeout(OPERATION_TIMEOUT):
                    await connection.close()

    async def _opened(self) -> AbstractConnection:
        async with self._opening:
            if self._connection is None or not self._connection.connected.is_set():
                self._connection = await aio_pika.connect(self._url, client_properties={"connection_name": self._name})
            return self._connection


async def check(url: str) -> str:
    """Connect once, and return the name of the broker. Raises `Unavailable`."""
    connection = RabbitMqConnection(url, "check")
    try:
        await (await connection.channel()).close()
    finally:
        await connection.close()
    parts = urlsplit(url)
    return f"RabbitMQ at {parts.hostname}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"


def _with_heartbeat(url: str) -> str:
    return url if "heartbeat=" in url else f"{url}{'&' if '?' in url else '?'}heartbeat={HEARTBEAT}"

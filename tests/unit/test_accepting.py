"""Connections are accepted in bulk, and again after the system was out of files."""

import asyncio
import errno
import socket
from typing import Final

import pytest

from api_base.core.config.server import ServerSettings
from api_base.serving.accepting import MAX_ACCEPTS, RETRY_DELAY, Acceptor
from api_base.serving.open_connections import OpenConnections
from tests.virtual_time import in_virtual_time

CLIENTS: Final = 100


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.write(b"hello")
        transport.close()


def state() -> OpenConnections:
    return OpenConnections(ServerSettings(), asyncio.get_running_loop().time)


def connected(listener: socket.socket, count: int) -> list[socket.socket]:
    return [socket.create_connection(listener.getsockname(), 5) for _ in range(count)]


async def test_all_that_wait_are_accepted_in_a_few_turns() -> None:
    assert CLIENTS <= MAX_ACCEPTS
    with socket.create_server(("127.0.0.1", 0), backlog=CLIENTS) as listener:
        clients = connected(listener, CLIENTS)
        acceptor = Acceptor(listener, state(), lambda reserved: Greeting())
        acceptor.open()
        for _ in range(10):
            await asyncio.sleep(0)
        address = listener.getsockname()
        acceptor.close()
        assert [client.recv(10) for client in clients] == [b"hello"] * CLIENTS
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 5)
        for client in clients:
            client.close()


class OutOfFiles(socket.socket):
    """A listener that cannot accept at first."""

    failures = 2

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@in_virtual_time
async def test_accepting_pauses_while_the_system_has_no_files() -> None:
    with OutOfFiles() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        (client,) = connected(listener, 1)
        acceptor = Acceptor(listener, state(), lambda reserved: Greeting())
        acceptor.open()
        await asyncio.sleep(2 * RETRY_DELAY - 0.01)
        assert listener.failures == 0
        await asyncio.sleep(0.02)
        acceptor.close()
        assert client.recv(10) == b"hello"
        client.close()

"""What answers in place of a suitable PostgreSQL, and notifications that others send: one sentence, without addresses and numbers of errors."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.core.errors import ConfigurationError, Unavailable
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revisions import stored_heads
from api_base.infrastructure.db.notifications import NotificationListener

NO_TLS = b"N"


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


def greeting(version: str) -> bytes:
    """What a server of this version sends to a client that it lets in [PostgreSQL manual, 54.2.1]."""
    return message(b"R", struct.pack("!i", 0)) + message(b"S", b"server_version\0" + version.encode() + b"\0") + message(b"Z", b"I")


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """The URL of a server that sends one of `answers` for each thing that it receives, and then closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in answers:
            if not await reader.read(1000):
                break
            writer.write(one)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"postgresql://app:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}/api_base"


@pytest.mark.parametrize("version", ["9.6.24", "13.1", "15.14"])
async def test_an_old_server_is_refused_in_one_sentence(version: str) -> None:
    async with answering(NO_TLS, greeting(version)) as url:
        with pytest.raises(ConfigurationError, match=f"PostgreSQL {version.split('.')[0]} is too old"):
            await stored_heads(url)


@pytest.mark.parametrize(
    "answers",
    [(), (b"HTTP/1.1 400 Bad Request\r\n\r\n",), (NO_TLS,), (b"-ERR unknown\r\n",)],
    ids=["nothing", "HTTP", "hanging up", "Redis"],
)
async def test_what_is_no_postgresql_is_unavailable_and_the_message_names_no_address(answers: Sequence[bytes]) -> None:
    async with answering(*answers) as url:
        with pytest.raises(Unavailable) as refused:
            await stored_heads(url)
    assert not [part for part in ("127.0.0.1", url.rpartition(":")[2].split("/")[0], "Errno", "secret") if part in str(refused.value)]


@pytest.mark.parametrize("payload", ["", "garbage", "12345678", "0" * 5000, "'; drop table users; --", "ä\n"])
async def test_a_notification_of_somebody_else_counts_as_a_gap(shared_migrated: Urls, payload: str) -> None:
    heard: list[UUID] = []
    gaps: list[int] = []
    listener = NotificationListener(shared_migrated.direct, "strange", lambda text: heard.append(UUID(text)), lambda: gaps.append(1))
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
    await listener.open()
    try:
        sender = await asyncpg.connect(shared_migrated.app)
        while not gaps:
            await asyncio.sleep(0.01)
        expected = uuid4()
        await sender.execute("select pg_notify('strange', $1)", payload)
        await sender.execute("select pg_notify('strange', $1)", str(expected))
        while not heard:
            await asyncio.sleep(0.01)
        await sender.close()
    finally:
        await listener.close()
    assert (heard, len(gaps), faults) == ([expected], 2, [])

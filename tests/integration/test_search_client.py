"""What the answers of a search server mean, whatever they are: faults of the server are outages, not faults of the request."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.elasticsearch.client import RequestRefused
from tests.factories.search import search_client


@asynccontextmanager
async def answering(status: int, body: str) -> AsyncIterator[str]:
    """A server that answers every request so, for answers that a test cannot get from a real one."""
    head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: {len(body)}\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length: " in request:
            await reader.readexactly(int(request.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def error(kind: str) -> str:
    return json.dumps({"error": {"type": kind, "reason": "why", "root_cause": [{"type": kind, "reason": "why"}]}, "status": 0})


OUTAGES = [
    (500, error("runtime_exception"), "runtime_exception: why"),
    (503, error("search_phase_execution_exception"), "search_phase_execution_exception: why"),
    (507, '{"error": "full"}', "full"),
    (403, error("security_exception"), "security_exception: why"),
    (403, error("cluster_block_exception"), "cluster_block_exception: why"),
    (401, error("security_exception"), "refuses user or password of SEARCH__URL"),
]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
@pytest.mark.parametrize(("status", "body", "reason"), OUTAGES)
async def test_a_fault_of_the_server_is_an_outage(engine: str, status: int, body: str, reason: str) -> None:
    async with answering(status, body) as place:
        password = uuid4().hex
        client = search_client(f"{engine}+http://user:{password}@{place}")
        with pytest.raises(Unavailable) as caught:
            await client.search("/films/_search", {})
        await client.close()
    assert reason in str(caught.value)
    assert password not in str(caught.value)


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
async def test_a_request_that_is_wrong_is_none(engine: str) -> None:
    async with answering(400, error("parsing_exception")) as place:
        client = search_client(f"{engine}+http://{place}")
        with pytest.raises(RequestRefused, match="400 parsing_exception: why"):
            await client.search("/films/_search", {})
        await client.close()

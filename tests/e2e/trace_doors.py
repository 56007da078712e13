"""Starts the import of items through each protocol, as a client that names its own span: what follows belongs to the client's trace."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.e2e.processes import PATIENCE, Backend

PARENT: Final = "00f067aa0ba902b7"
STATE: Final = "vendor=opaque-57"
IMPORT: Final = "mutation Import($file: UUID!) { importItems(input: {fileId: $file}) { startedImport { jobId } } }"


@dataclass(frozen=True)
class Door:
    """`enter` starts the import of a file, in the trace with this id. `root` is the name of the first span that the trace then has."""

    enter: Callable[[Backend, str, str, str], None]
    root: str


def headers(trace: str) -> Mapping[str, str]:
    return {"traceparent": f"00-{trace}-{PARENT}-01", "tracestate": STATE, "baggage": "secret=Marker-57"}


def by_http(backend: Backend, token: str, file: str, trace: str) -> None:
    status, _, answer = backend.exchange("POST", "/api/v1/items/imports", {"file_id": file}, token, headers(trace))
    assert status == 202, answer


def by_graphql(backend: Backend, token: str, file: str, trace: str) -> None:
    body = {"query": IMPORT, "variables": {"file": file}}
    _, _, answer = backend.exchange("POST", "/graphql", body, token, headers(trace))
    assert "errors" not in answer, answer


def by_graphql_websocket(backend: Backend, token: str, file: str, trace: str) -> None:
    async def enter() -> None:
        async with graphql_socket(backend, token, headers(trace)) as client:
            await client.send(message("subscribe", id="1", payload={"query": IMPORT, "variables": {"file": file}}))
            answer = await received(client)
            assert (answer["type"], "errors" in answer["payload"]) == ("next", False), answer

    asyncio.run(enter())


def by_mcp(backend: Backend, token: str, file: str, trace: str) -> None:
    """The span of the client is in the message, not in a header [SEP-414]."""
    status, made = backend.request("POST", "/api/v1/auth/mcp-tokens", {"name": "traces", "scope": "write", "expires_in": 3600}, token)
    assert status == 201, made
    params = {"name": "start_item_import", "arguments": {"file_id": file}, "_meta": headers(trace)}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    sent = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    status, _, answer = backend.exchange("POST", "/mcp", body, made["access_token"], sent)
    assert (status, answer["result"]["isError"]) == (200, False), answer


DOORS: Final = {
    "HTTP": Door(by_http, "POST /api/v1/items/imports"),
    "GraphQL": Door(by_graphql, "POST /graphql"),
    "GraphQL over WebSocket": Door(by_graphql_websocket, "GET /graphql"),
    "MCP": Door(by_mcp, "tools/call start_item_import"),
}


@asynccontextmanager
async def graphql_socket(backend: Backend, token: str, sent: Mapping[str, str]) -> AsyncIterator[ClientConnection]:
    """An acknowledged connection."""
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(f"ws://127.0.0.1:{backend.port}/graphql", subprotocols=protocols, additional_headers=sent) as client:
        await client.send(message("connection_init", payload={"Authorization": f"Bearer {token}"}))
        assert (await received(client))["type"] == "connection_ack"
        yield client


def message(type: str, **members: Any) -> str:
    return json.dumps({"type": type, **members})


async def received(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), PATIENCE))


def new_trace() -> str:
    """The id of a trace."""
    return uuid4().hex

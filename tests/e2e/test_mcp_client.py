"""The MCP server as a process, used by the `mcp` package's client, which we did not write, in both revisions."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Literal

import httpx2
import pytest
from mcp.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, Request, Resource, Result
from pydantic import Field, TypeAdapter
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, Backend
from tests.e2e.test_uploads import backend_of
from tests.e2e.test_websocket import ended, said, socket

pytestmark = pytest.mark.slow


def issued(backend: Backend, token: str) -> str:
    status, made = backend.request("POST", "/api/v1/auth/mcp-tokens", {"name": "e2e", "scope": "write", "expires_in": 3600}, token)
    assert status == 201, made
    value: str = made["access_token"]
    return value


def over(backend: Backend, token: str, mode: str, **options: Any) -> tuple[httpx2.AsyncClient, Client]:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    url = f"http://127.0.0.1:{backend.port}/mcp"
    return http, Client(streamable_http_client(url, http_client=http), mode=mode, **options)


async def use(backend: Backend, token: str, mode: str) -> None:
    """List, create, meet a conflict, read and delete."""
    chair = {"sku": f"CHAIR-{mode}", "name": "Chair", "category": "furniture"}
    http, connecting = over(backend, token, mode)
    async with http, connecting as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        assert "create_item" in [tool.name for tool in (await client.list_tools()).tools]
        made = await called(client, "create_item", chair)
        assert made["version"] == 1
        assert (await called(client, "create_item", chair, failing=True))["status"] == 409
        page = await called(client, "list_items", {"filter": {"sku[eq]": chair["sku"]}})
        assert [one["id"] for one in page["items"]] == [made["id"]]
        shown = await client.read_resource(f"api-base://items/{made['id']}")
        assert made["id"] in shown.model_dump_json()
        assert {"docs/mcp.md", "events/items.created.v1.json"} <= {one.name for one in await everything(client)}
        stale = {"id": made["id"], "expected_version": 2}
        assert (await called(client, "delete_item", stale, failing=True))["status"] == 412


async def everything(client: Client) -> list[Resource]:
    """The resources of all pages."""
    found: list[Resource] = []
    cursor: str | None = None
    while True:
        page = await client.list_resources(cursor=cursor)
        found += page.resources
        if (cursor := page.next_cursor) is None:
            return found


async def called(client: Client, name: str, arguments: dict[str, Any], *, failing: bool = False) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert isinstance(result, CallToolResult)
    assert result.is_error is failing, result
    content: dict[str, Any] = result.structured_content or {}
    return content


class TaskRequest(Request[dict[str, Any], str]):
    name_param = "taskId"


class Task(Result):
    result_type: Literal["task"] = Field("task", alias="resultType")
    task_id: str = Field(alias="taskId")


class Tasks(ClientExtension):
    """The extension of tasks, as a user of the package writes it. `followed` are the tasks that it waited for."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.followed: list[str] = []

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=Task, resolve=self.follow)]

    async def follow(self, task: Task, context: ClaimContext) -> CallToolResult:
        self.followed.append(task.task_id)
        async with asyncio.timeout(PATIENCE):
            while True:
                request = TaskRequest(method="tasks/get", params={"taskId": task.task_id})
                shown = await context.session.send_request(request, TypeAdapter(dict[str, Any]))
                if shown["status"] != "working":
                    assert shown["status"] == "completed", shown
                    return CallToolResult.model_validate(shown["result"], by_name=False)
                await asyncio.sleep(shown["pollIntervalMs"] / 1000)


def test_the_client_follows_a_task(server: tuple[Backend, str], token: str) -> None:
    backend, login = server
    file = backend.upload(b"sku,name,category\nTASK-1,Chair,furniture\n", login, "text/plain")

    async def imported() -> None:
        tasks = Tasks()
        http, connecting = over(backend, token, "auto", extensions=[tasks])
        async with http, connecting as client:
            made = await called(client, "start_item_import", {"file_id": file, "format": "csv"})
            assert made["created"] == 1, made
            assert len(tasks.followed) == 1
            assert len((await called(client, "list_items", {"filter": {"sku[eq]": "TASK-1"}}))["items"]) == 1

    asyncio.run(imported())


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[tuple[Backend, str]]:
    """The server, and a token of REST."""
    with backend_of(project) as started:
        yield started


@pytest.fixture(scope="module")
def token(server: tuple[Backend, str]) -> str:
    """A token for MCP."""
    return issued(*server)


def test_the_client_works_in_each_revision(server: tuple[Backend, str], token: str) -> None:
    for mode in ("legacy", "auto", "2026-07-28"):
        asyncio.run(use(server[0], token, mode))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/items", None),
        ("POST", "/graphql", {"query": "{ __typename }"}),
        ("GET", "/api/v1/events/stream?channels=tenant", None),
        ("POST", "/api/v1/events/session", None),
        ("POST", "/api/v1/events/ticket", None),
        ("POST", "/api/v1/auth/mcp-tokens", {"name": "more", "scope": "write", "expires_in": 3600}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_token_for_mcp_is_refused_elsewhere(server: tuple[Backend, str], token: str, method: str, path: str, body: Any) -> None:
    assert server[0].request(method, path, body, token)[0] == 401


async def test_a_token_for_mcp_opens_no_websocket(server: tuple[Backend, str], token: str) -> None:
    backend = server[0]
    with pytest.raises(InvalidStatus) as refused:
        async with socket(backend, token):
            pass
    assert refused.value.response.status_code == 401
    async with socket(backend) as client:
        await client.send(json.dumps({"type": "authenticate", "id": "r1", "token": token}))
        assert (await said(client))["problem"]["status"] == 401
        assert (await ended(client))[0] == 3000


async def test_a_token_for_mcp_opens_no_graphql_websocket(server: tuple[Backend, str], token: str) -> None:
    backend = server[0]
    async with connect(f"ws://127.0.0.1:{backend.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as client:
        await client.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        assert (await ended(client))[0] == 4403


def test_a_token_of_rest_is_refused_at_mcp(server: tuple[Backend, str], token: str) -> None:
    backend, login = server
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    fields = {"MCP-Protocol-Version": "2025-11-25", "Accept": "application/json, text/event-stream"}
    assert backend.exchange("POST", "/mcp", body, login, fields)[0] == 401
    assert backend.exchange("POST", "/mcp", body, token, fields)[0] == 200

"""The MCP server as a process, used by the `mcp` package's client, which we did not write, in both revisions."""

import asyncio
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend
from tests.e2e.test_uploads import backend_of


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
        stale = {"id": made["id"], "expected_version": 2}
        assert (await called(client, "delete_item", stale, failing=True))["status"] == 412


async def called(client: Client, name: str, arguments: dict[str, Any], *, failing: bool = False) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert isinstance(result, CallToolResult)
    assert result.is_error is failing, result
    content: dict[str, Any] = result.structured_content or {}
    return content


def test_the_client_works_in_each_revision(project: Project) -> None:
    with backend_of(project) as (backend, login):
        token = issued(backend, login)
        for mode in ("legacy", "auto", "2026-07-28"):
            asyncio.run(use(backend, token, mode))

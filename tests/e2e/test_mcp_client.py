"""The MCP server as a process, used by the `mcp` package's client, which we did not write, in both revisions."""

import asyncio
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from tests.e2e.conftest import Project
from tests.e2e.processes import Backend
from tests.e2e.test_uploads import backend_of

CHAIR = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture"}


def issued(backend: Backend, token: str) -> str:
    status, made = backend.request("POST", "/api/v1/auth/mcp-tokens", {"name": "e2e", "scope": "write", "expires_in": 3600}, token)
    assert status == 201, made
    value: str = made["access_token"]
    return value


def over(backend: Backend, token: str, mode: str, **options: Any) -> tuple[httpx2.AsyncClient, Client]:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    url = f"http://127.0.0.1:{backend.port}/mcp"
    return http, Client(streamable_http_client(url, http_client=http), mode=mode, **options)


@pytest.mark.parametrize("mode", ["legacy", "auto", "2026-07-28"])
def test_the_client_lists_creates_meets_a_conflict_and_reads(project: Project, mode: str) -> None:
    async def use(backend: Backend, token: str) -> None:
        http, connecting = over(backend, token, mode)
        async with http, connecting as client:
            assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
            assert "create_item" in [tool.name for tool in (await client.list_tools()).tools]
            made = await client.call_tool("create_item", CHAIR)
            assert isinstance(made, CallToolResult)
            assert made.structured_content is not None
            assert made.structured_content["version"] == 1
            again = await client.call_tool("create_item", CHAIR)
            assert isinstance(again, CallToolResult)
            assert again.structured_content is not None
            assert (again.is_error, again.structured_content["status"]) == (True, 409)
            page = await client.call_tool("list_items", {"filter": {"sku[eq]": "CHAIR-1"}})
            assert isinstance(page, CallToolResult)
            assert page.structured_content is not None
            assert len(page.structured_content["items"]) == 1
            await client.read_resource(f"api-base://items/{made.structured_content['id']}")
            await client.call_tool("delete_item", {"id": made.structured_content["id"], "expected_version": 1})

    with backend_of(project) as (backend, token):
        asyncio.run(use(backend, issued(backend, token)))

"""Requests to `/mcp` in both revisions, as a client sends them."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running

MODERN: Final = "2026-07-28"
STABLE: Final = "2025-11-25"
HOST: Final = "127.0.0.1:8000"
TASKS: Final = "io.modelcontextprotocol/tasks"


@dataclass(frozen=True, kw_only=True)
class McpClient:
    api: Running
    token: str
    revision: str = MODERN
    extensions: tuple[str, ...] = ()

    async def post(self, body: Any, **headers: str) -> httpx2.Response:
        sent = {"Host": HOST, "Authorization": f"Bearer {self.token}", "Accept": "application/json, text/event-stream"}
        sent |= {"MCP-Protocol-Version": self.revision}
        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.api.client.post("/mcp", headers=sent | {"Content-Type": "application/json"} | headers, **content)

    def message(self, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The body of a request, and the headers that it needs."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)}
        if self.revision != MODERN:
            return body, {}
        body["params"] |= {"_meta": {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {"extensions": {one: {} for one in self.extensions}},
        }}  # fmt: skip
        headers = {"Mcp-Method": method}
        if (name := params.get("name") or params.get("uri") or params.get("taskId")) is not None:
            headers["Mcp-Name"] = str(name)
        return body, headers

    async def send(self, method: str, /, **params: Any) -> httpx2.Response:
        body, headers = self.message(method, params)
        return await self.post(body, **headers)

    async def result(self, method: str, /, **params: Any) -> dict[str, Any]:
        answer = await self.send(method, **params)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        content: dict[str, Any] = answer.json()
        assert "result" in content, content
        result: dict[str, Any] = content["result"]
        return result

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a call that succeeds."""
        result = await self.result("tools/call", name=tool, arguments=arguments)
        assert result["isError"] is False, result
        content: dict[str, Any] = result.get("structuredContent", {})
        return content

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The problem of a call that fails."""
        result = await self.result("tools/call", name=tool, arguments=arguments)
        assert result["isError"] is True, result
        problem: dict[str, Any] = result["structuredContent"]
        return problem

    async def tools(self) -> list[str]:
        return [one["name"] for one in (await self.result("tools/list"))["tools"]]


async def mcp(api: Running, person: Person, scope: str = "write", **options: Any) -> McpClient:
    """A client with a new token of a person."""
    body = {"name": "tests", "scope": scope, "expires_in": 3600}
    made = await api.client.post("/api/v1/auth/mcp-tokens", json=body, headers=person.headers)
    assert made.status_code == 201, made.text
    return McpClient(api=api, token=made.json()["access_token"], **options)


async def recorded(urls: Urls, person: Person) -> list[tuple[str, UUID | None, str]]:
    """The calls of a person in the trail: what, on which object, by which client."""
    owner = await asyncpg.connect(urls.owner)
    rows = await owner.fetch(
        "select entity, entity_id, after from audit where action = 'mcp.called' and actor_id = $1 order by id", person.id
    )
    await owner.close()
    return [(row["entity"], row["entity_id"], json.loads(row["after"])["client"]) for row in rows]

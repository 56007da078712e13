"""Who may call what over MCP: every message for every role, tasks of others, the tenant's mode while a client works; and what is recorded."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Command, Query, on
from api_base.application.common.listing import Page
from api_base.bootstrap.application import create_app
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import Urls
from api_base.interface.mcp import Tool
from api_base.interface.mcp.router import LIMIT
from tests.application import Running, running, settings_on
from tests.integration.mcp_client import TASKS, McpClient, mcp, recorded

CHAIR: Final = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture"}
ROLES: Final = ("viewer", "member", "admin", "owner")
PERMISSIONS: Final = {name: roles for context in BUILT_IN for name, roles in context.permissions.items()}
TOOLS: Final = [one for context in BUILT_IN for one in context.mcp if isinstance(one, Tool)]


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated)) as started:
        yield started


def names(message: type[Any]) -> str:
    """The name that the tool of a message has."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", message.__name__).lower()


def messages() -> list[type[Any]]:
    """Every command and query of the base that is imported, and so every one that has a handler."""
    found: list[type[Any]] = []
    waiting: list[type[Any]] = [Command, Query]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        waiting += subclasses
        found += [one for one in subclasses if one.__module__.startswith("api_base.")]
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_of_all_messages_a_role_sees_and_calls_exactly_its_tools(api: Running, role: str) -> None:
    owner = await api.person()
    client = await mcp(api, owner if role == "owner" else await api.member(owner, role))
    exposed = {tool.message for tool in TOOLS}
    allowed = {one for one in exposed if one.permission in (PUBLIC, AUTHENTICATED) or role in PERMISSIONS[one.permission]}
    assert await client.tools() == sorted(map(names, allowed))
    beyond = {names(one) for one in messages()} - set(map(names, allowed))
    assert len(beyond) > 50
    for name in sorted(beyond):
        answer = await client.send("tools/call", name=name, arguments={"id": str(uuid4()), "expected_version": 1})
        assert (answer.status_code, answer.json()["error"]) == (400, {"code": -32602, "message": f"Unknown tool: {name}"}), name


async def test_tasks_are_recorded_and_those_of_others_are_unknown(api: Running, migrated: Urls) -> None:
    owner = await api.person()
    file = await api.uploaded(owner, b"sku,name,category\nA,Chair,furniture\n")
    task = (await (await mcp(api, owner, extensions=(TASKS,))).result("tools/call", name="start_item_import", arguments={"file_id": file}))[
        "taskId"
    ]
    colleague, stranger = await api.member(owner, "admin"), await api.person()
    for person in (colleague, stranger):
        client = await mcp(api, person, extensions=(TASKS,))
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            more = {"inputResponses": {}} if method == "tasks/update" else {}
            foreign, random = [await client.send(method, taskId=one, **more) for one in (task, str(uuid4()))]
            assert (foreign.status_code, foreign.json()) == (random.status_code, random.json()) != (200, None)
            assert foreign.json()["error"] == {"code": -32602, "message": "Task not found"}
        own = [(what, id, client) for what, id, client in await recorded(migrated, person) if id == UUID(task)]
        assert own == [(method, UUID(task), "tests") for method in ("tasks/get", "tasks/update", "tasks/cancel")]
    reading = await mcp(api, owner, "read", extensions=(TASKS,))
    refused = await reading.send("tasks/cancel", taskId=task)
    assert refused.json()["error"]["message"] == "The token or the tenant's mode allows no changes."
    assert (await reading.result("tasks/get", taskId=task))["status"] == "working"
    for id in (task.upper(), f"{{{task}}}", f"urn:uuid:{task}", "", "0", "a" * 100):
        assert (await reading.send("tasks/get", taskId=id)).json()["error"]["message"] == "Task not found", id
    assert (await reading.send("tasks/get", taskId="a" * 101)).json()["error"]["code"] == -32602


async def test_reads_and_unknown_tools_are_recorded(api: Running, migrated: Urls) -> None:
    person = await api.person()
    item, client = await api.item(person), await mcp(api, person)
    for uri in (f"api-base://items/{item['id']}", "api-base://docs/mcp.md", "api-base://secrets/x", "file:///etc/passwd"):
        await client.send("resources/read", uri=uri)
    body, headers = client.message("tools/call", {"name": "drop\u202etables", "arguments": {}})
    await client.post(body, **headers | {"Mcp-Name": "=?base64?ZHJvcOKArnRhYmxlcw==?="})
    read = "resources/read"
    expected = [(f"{read} items", UUID(item["id"])), (f"{read} docs", None), (read, None), (read, None), ("unknown tool drop?tables", None)]
    assert await recorded(migrated, person) == [(*one, "tests") for one in expected]


async def test_the_requests_of_a_user_are_limited_whatever_they_ask(api: Running) -> None:
    client = await mcp(api, await api.person(), extensions=(TASKS,))
    requests: dict[str, dict[str, Any]] = {
        "tools/list": {},
        "tools/call": {"name": "get_profile", "arguments": {}},
        "resources/list": {},
        "resources/read": {"uri": "api-base://docs/mcp.md"},
        "tasks/get": {"taskId": str(uuid4())},
        "tasks/cancel": {"taskId": str(uuid4())},
        "unknown/method": {},
    }
    for method, params in requests.items():
        answer = await client.send(method, **params)
        assert '"mcp"' in answer.headers["ratelimit"], method
        assert f'"mcp";q={LIMIT.quota};w={LIMIT.window}' in answer.headers["ratelimit-policy"], method


async def test_a_server_without_mcp_has_no_such_routes(migrated: Urls) -> None:
    async with running(settings_on(migrated, mcp={"mode": "off"})) as api:
        person = await api.person()
        for path in ("/mcp", "/api/v1/auth/mcp-tokens", "/.well-known/oauth-protected-resource/mcp"):
            assert (await api.client.post(path, json={}, headers=person.headers)).status_code == 404


async def test_a_read_only_server_lists_and_executes_only_what_reads(migrated: Urls) -> None:
    async with running(settings_on(migrated, mcp={"mode": "read"})) as api:
        client = await mcp(api, await api.person())
        assert "create_item" not in await client.tools()
        answer = await client.send("tools/call", name="create_item", arguments=CHAIR)
        assert answer.json()["error"]["message"] == "Unknown tool: create_item"


async def test_a_tenant_is_switched_off_and_on_while_a_client_works(api: Running) -> None:
    admin, person, other = await api.person(platform_admin=True), await api.person(), await api.person()
    client, elsewhere = await mcp(api, person), await mcp(api, other)
    assert "create_item" in await client.tools()
    definition: dict[str, Any] = {
        "key": "mcp-mode",
        "type": "string",
        "variants": {"off": "off", "read": "read", "write": "write"},
        "default_variant": "write",
        "off_variant": "off",
    }
    made = await api.client.post("/api/v1/flags", json={"definition": definition}, headers=admin.headers)
    assert made.status_code == 201, made.text
    for mode in ("read", "off", "write"):
        rule = {"conditions": [{"attribute": "tenant", "operator": "in", "values": [str(person.tenant_id)]}], "variant": mode}
        body = {"definition": definition | {"rules": [rule]}}
        changed = await api.client.patch("/api/v1/flags/mcp-mode", json=body, headers={**admin.headers, "If-Match": "*"})
        assert changed.is_success, changed.text
        await answers(client, mode)
        made = await elsewhere.send("tools/call", name="create_item", arguments={**CHAIR, "sku": mode})
        assert made.json()["result"]["isError"] is False
    assert [one["sku"] for one in (await client.call("list_items"))["items"]] == ["write"]


async def answers(client: McpClient, mode: str) -> None:
    """Wait until the client meets the mode, and see that it means what it says."""
    async with asyncio.timeout(10):
        while True:
            answer = await client.send("tools/call", name="create_item", arguments={**CHAIR, "dry_run": True})
            reading = await client.send("tools/call", name="list_items", arguments={})
            met = "write" if "result" in answer.json() else "read" if reading.status_code == 200 else "off"
            if met == mode:
                break
            await asyncio.sleep(0.02)
    creating = await client.send("tools/call", name="create_item", arguments={**CHAIR, "sku": mode})
    assert creating.status_code == {"off": 404, "read": 400, "write": 200}[mode]
    if mode == "off":
        for method in ("tools/list", "resources/list", "server/discover"):
            assert (await client.send(method)).status_code == 404
    else:
        assert ("create_item" in await client.tools()) is (mode == "write")


async def test_results_fit_the_schemas_that_are_shown(api: Running) -> None:
    person = await api.person()
    client = await mcp(api, person)
    file = await api.uploaded(person, b"sku,name,category\nA,Chair,furniture\n")
    made = await client.call("create_item", **CHAIR, prices=[{"amount": "12.50", "currency": "EUR"}], tags=["a"], attributes={"b": 1})
    calls: dict[str, dict[str, Any]] = {
        "get_item": {"id": made["id"]},
        "list_items": {"include_total": True},
        "update_item": {"id": made["id"], "expected_version": 1, "name": "Stool"},
        "publish_item": {"id": made["id"], "expected_version": 2},
        "get_file": {"id": file},
        "list_files": {},
        "get_tenant": {},
        "list_members": {},
        "get_profile": {},
        "start_item_import": {"file_id": file},
    }
    schemas = {one["name"]: one.get("outputSchema") for one in (await client.result("tools/list"))["tools"]}
    Draft202012Validator(schemas["create_item"]).validate(made)
    for name, arguments in calls.items():
        result = await client.result("tools/call", name=name, arguments=arguments)
        assert result["isError"] is False, result
        if schemas[name] is not None:
            Draft202012Validator(schemas[name], format_checker=FormatChecker()).validate(result["structuredContent"])
            assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


async def unrecordable(urls: Urls) -> None:
    """Take the right to write audit records from the role that serves."""
    app, owner = await asyncpg.connect(urls.app), await asyncpg.connect(urls.owner)
    await owner.execute(f"revoke insert on audit from {await app.fetchval('select quote_ident(current_user)')}")
    await app.close()
    await owner.close()


async def test_nothing_is_executed_that_cannot_be_recorded(api: Running, migrated: Urls) -> None:
    person = await api.person()
    item, file = await api.item(person), await api.uploaded(person, b"sku,name,category\nA,Chair,furniture\n")
    client = await mcp(api, person, extensions=(TASKS,))
    task = (await client.result("tools/call", name="start_item_import", arguments={"file_id": file}))["taskId"]
    await unrecordable(migrated)
    assert (await client.refused("delete_item", id=item["id"], expected_version=1))["status"] == 503
    for method, params in (("tasks/cancel", {"taskId": task}), ("resources/read", {"uri": f"api-base://items/{item['id']}"})):
        answer = await client.send(method, **params)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, -32603)
        assert "audit" in answer.json()["error"]["message"]
    job = await api.client.get(f"/api/v1/jobs/{task}", headers=person.headers)
    assert job.json()["state"] == "queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class GetItem(Query[Page[str]]):
    permission: ClassVar[str] = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Größe(Query[str]):
    permission: ClassVar[str] = AUTHENTICATED


class Handler:
    async def handle(self, query: Any) -> str:
        return ""


@pytest.mark.parametrize("message", [GetItem, Größe], ids=["the name of another context's tool", "not ASCII"])
def test_a_name_that_is_taken_or_no_name_is_found_at_start(migrated: Urls, message: type[Any]) -> None:
    context = Context(name="outside", handlers=lambda ports: [on(message, Handler())], mcp=(Tool(message=message, description="Read."),))
    with pytest.raises(ConfigurationError, match=f"the name '{names(message)}'"):
        create_app(settings_on(migrated), [*BUILT_IN, context])

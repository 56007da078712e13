"""The MCP server over the whole application: tools, problems, dry runs, keys, tasks, resources, in both revisions."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.integration.mcp_client import MODERN, STABLE, TASKS, McpClient, mcp

CHAIR = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture"}
BOTH = pytest.mark.parametrize("revision", [MODERN, STABLE])


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated)) as started:
        yield started


@BOTH
async def test_a_client_creates_reads_lists_changes_and_deletes_an_item(api: Running, revision: str) -> None:
    client = await mcp(api, await api.person(), revision=revision)
    made = await client.call("create_item", **CHAIR, prices=[{"amount": "12.50", "currency": "EUR"}])
    assert (made["sku"], made["version"]) == ("CHAIR-1", 1)
    assert await client.call("get_item", id=made["id"]) == made
    changed = await client.call("update_item", id=made["id"], expected_version=1, name="Armchair")
    assert (changed["name"], changed["version"]) == ("Armchair", 2)
    page = await client.call("list_items", filter={"name[contains]": "Arm"}, sort="-created_at", limit=1, include_total=True)
    assert ([one["id"] for one in page["items"]], page["total"]) == ([made["id"]], 1)
    assert (await client.call("list_items", q="nothing like it"))["items"] == []
    await client.call("delete_item", id=made["id"], expected_version=2)
    assert (await client.call("list_items"))["items"] == []


@BOTH
async def test_a_stale_version_is_a_tool_error_that_names_it(api: Running, revision: str) -> None:
    client = await mcp(api, await api.person(), revision=revision)
    made = await client.call("create_item", **CHAIR)
    problem = await client.refused("update_item", id=made["id"], expected_version=7, name="Armchair")
    assert (problem["type"], problem["status"]) == ("/problems/stale-version", 412)


async def test_arguments_have_the_rules_and_sentences_of_http(api: Running) -> None:
    person = await api.person()
    client = await mcp(api, person)
    for body in (
        {**CHAIR, "sku": " "},
        {**CHAIR, "name": 5},
        {"sku": "A"},
        {**CHAIR, "colour": "red"},
        {**CHAIR, "prices": [{"amount": "x", "currency": "EUR"}]},
    ):
        over_http = await api.client.post("/api/v2/items", json=body, headers=person.headers)
        expected = [{**one, "pointer": one["pointer"].removeprefix("/body")} for one in over_http.json()["errors"]]
        assert (await client.refused("create_item", **body))["errors"] == expected


async def test_a_dry_run_checks_every_rule_and_leaves_nothing(api: Running, migrated: Urls) -> None:
    client = await mcp(api, await api.person())
    await client.call("create_item", **CHAIR)
    before = await _everything(migrated)
    made = await client.call("create_item", **{**CHAIR, "sku": "CHAIR-2"}, dry_run=True)
    assert made["version"] == 1
    problem = await client.refused("create_item", **CHAIR, dry_run=True)
    assert problem["status"] == 409
    assert await _everything(migrated) == before
    assert [one["sku"] for one in (await client.call("list_items"))["items"]] == ["CHAIR-1"]


async def _everything(urls: Urls) -> dict[str, list[str]]:
    """Every row of every table, but for the record of the calls themselves."""
    owner = await asyncpg.connect(urls.owner)
    names = [row[0] for row in await owner.fetch("select tablename from pg_tables where schemaname = 'public' and tablename !~ '^audit'")]
    found = {name: sorted(str(tuple(row)) for row in await owner.fetch(f'select * from "{name}"')) for name in names}
    found["audit"] = [str(tuple(row)) for row in await owner.fetch("select * from audit where action <> 'mcp.called' order by at, id")]
    await owner.close()
    return found


async def test_a_key_executes_a_call_once(api: Running) -> None:
    client = await mcp(api, await api.person())
    first = await client.call("create_item", **CHAIR, idempotency_key="one")
    assert await client.call("create_item", **CHAIR, idempotency_key="one") == first
    assert (await client.refused("create_item", **{**CHAIR, "sku": "B"}, idempotency_key="one"))[
        "type"
    ] == "/problems/idempotency-key-reused"


async def test_roles_see_exactly_their_tools_and_call_no_other(api: Running) -> None:
    owner = await api.person()
    item = await api.item(owner)
    reading = ["get_file", "get_item", "get_profile", "get_tenant", "list_files", "list_items", "list_members"]
    writing = ["archive_item", "create_item", "publish_item", "update_item"]
    administering = ["change_member_role", "delete_item", "remove_member", "restore_item", "start_item_import"]
    roles = {"viewer": reading, "member": reading + writing, "admin": reading + writing + administering}
    for role, expected in [*roles.items(), ("owner", roles["admin"])]:
        person = owner if role == "owner" else await api.member(owner, role)
        client = await mcp(api, person)
        assert await client.tools() == sorted(expected), role
        for name in {*roles["admin"]} - {*expected}:
            answer = await client.send("tools/call", name=name, arguments={"id": item["id"], "expected_version": 1})
            unknown = await client.send("tools/call", name=name + "x", arguments={})
            assert answer.status_code == unknown.status_code == 400
            assert answer.json()["error"] == {"code": -32602, "message": f"Unknown tool: {name}"}
        assert await (await mcp(api, person, "read")).tools() == sorted(reading), role


async def test_a_read_token_changes_nothing(api: Running) -> None:
    person = await api.person()
    answer = await (await mcp(api, person, "read")).send("tools/call", name="create_item", arguments=CHAIR)
    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="write", resource_metadata="' in answer.headers["www-authenticate"]
    assert (await (await mcp(api, person)).call("list_items"))["items"] == []


async def test_nothing_of_another_tenant_is_found(api: Running) -> None:
    theirs, mine = await api.person(), await api.person()
    item = await api.item(theirs)
    file = await api.uploaded(theirs, b"secret", "text/plain")
    client = await mcp(api, mine, extensions=(TASKS,))
    for tool in (await client.result("tools/list"))["tools"]:
        given: dict[str, Any] = {
            name: item["id"] if "item" in tool["name"] else file
            for name, shape in tool["inputSchema"]["properties"].items()
            if shape.get("format") == "uuid"
        }
        if not given:
            continue
        expected = {"expected_version": 1} if "expected_version" in tool["inputSchema"]["properties"] else {}
        role = {"role": "viewer"} if tool["name"] == "change_member_role" else {}
        foreign = await client.refused(tool["name"], **given, **expected, **role)
        random = await client.refused(tool["name"], **dict.fromkeys(given, str(uuid4())), **expected, **role)
        assert (foreign["type"], foreign["status"]) == (random["type"], random["status"]), tool["name"]
    for uri in (f"api-base://items/{item['id']}", f"api-base://files/{file}"):
        answer = await client.send("resources/read", uri=uri)
        assert answer.json()["error"] == {"code": -32602, "message": "Resource not found", "data": {"uri": uri}}


async def test_tokens_are_refused_where_they_do_not_belong(api: Running) -> None:
    person = await api.person()
    client = await mcp(api, person)
    for path in ("/api/v1/items", "/api/v1/auth/sessions", "/api/v1/users/me"):
        assert (await api.client.get(path, headers={"Authorization": f"Bearer {client.token}"})).status_code == 401
    answer = await McpClient(api=api, token=person.access_token).send("tools/list")
    assert answer.status_code == 401
    assert 'resource_metadata="http://127.0.0.1:8000/.well-known/oauth-protected-resource/mcp"' in answer.headers["www-authenticate"]
    anonymous = await api.client.post("/mcp", json={}, headers={"Host": "127.0.0.1:8000"})
    assert anonymous.status_code == 401
    assert "resource_metadata=" in anonymous.headers["www-authenticate"]
    metadata = (await api.client.get("/.well-known/oauth-protected-resource/mcp")).json()
    assert metadata["resource"] == "http://127.0.0.1:8000/mcp"


async def refused_soon(client: McpClient) -> None:
    """Wait for the notification that the session has ended."""
    async with asyncio.timeout(5):
        while (await client.send("tools/list")).status_code != 401:
            await asyncio.sleep(0.05)


async def test_a_token_ends_with_its_session(api: Running) -> None:
    person = await api.person()
    client = await mcp(api, person)
    sessions = (await api.client.get("/api/v1/auth/sessions", headers=person.headers)).json()["items"]
    (found,) = [one for one in sessions if one["scope"]]
    assert (found["scope"], found["name"], found["current"]) == ("write", "tests", False)
    assert (await api.client.delete(f"/api/v1/auth/sessions/{found['id']}", headers=person.headers)).status_code == 204
    await refused_soon(client)


async def test_a_token_ends_with_the_membership_and_a_return_does_not_revive_it(api: Running) -> None:
    owner = await api.person()
    member = await api.member(owner, "member")
    client = await mcp(api, member)
    members = f"/api/v1/tenants/{owner.tenant_id}/members"
    removed = await api.client.delete(f"{members}/{member.id}", headers={**owner.headers, "If-Match": "*"})
    assert removed.status_code == 204, removed.text
    again = await api.client.post(members, json={"email": member.email, "role": "member"}, headers=owner.headers)
    assert again.status_code == 201, again.text
    await refused_soon(client)
    assert (await (await mcp(api, await api.logged_in(member.id, member.email, owner.tenant_id))).send("tools/list")).status_code == 200


async def test_headers_that_disagree_with_the_body_are_refused(api: Running) -> None:
    client = await mcp(api, await api.person())
    body, headers = client.message("tools/call", {"name": "list_items", "arguments": {}})
    for changed in (
        {"Mcp-Method": "tools/list"},
        {"Mcp-Name": "get_item"},
        {"MCP-Protocol-Version": STABLE},
        {"MCP-Protocol-Version": "2027-01-01"},
    ):
        answer = await client.post(body, **headers | changed)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020), changed
    for missing in headers:
        answer = await client.post(body, **{name: value for name, value in headers.items() if name != missing})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020), missing


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b"", -32700), (b"[]", -32600), (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600), (b"5", -32600),
     (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600), (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
     (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600), (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
     (b'{"a":1,"a":2}', -32700), (b"[" * 100 + b"]" * 100, -32700)],
)  # fmt: skip
async def test_what_is_no_request_is_refused_as_json_rpc_says(api: Running, body: bytes, code: int) -> None:
    for revision in (MODERN, STABLE):
        answer = await (await mcp(api, await api.person(), revision=revision)).post(body)
        assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (400, code, None)


async def test_transport_answers(api: Running) -> None:
    client = await mcp(api, await api.person())
    notified = await client.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    assert (notified.status_code, notified.content) == (202, b"")
    headers = {"Host": "127.0.0.1:8000", "Authorization": f"Bearer {client.token}"}
    for method in ("GET", "DELETE"):
        answer = await api.client.request(method, "/mcp", headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    body, named = client.message("tools/list", {})
    assert (await client.post(body, **named | {"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(body, **named | {"Accept": "text/html"})).status_code == 406
    assert (await client.post(body, **named | {"Host": "evil.example"})).status_code == 421
    assert (await client.post(body, **named | {"Origin": "https://evil.example"})).status_code == 403
    assert (await client.post(body, **named | {"Idempotency-Key": "a"})).status_code == 400
    assert (await client.post(b'"' + b"a" * 2_000_000 + b'"')).status_code == 413
    unknown = await client.send("sampling/createMessage")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, -32601)


async def test_an_import_is_a_task(api: Running) -> None:
    owner = await api.person()
    file = await api.uploaded(owner, b"sku,name,category\nA,Chair,furniture\n")
    client = await mcp(api, owner, extensions=(TASKS,))
    task = await client.result("tools/call", name="start_item_import", arguments={"file_id": file})
    assert (task["resultType"], task["status"]) == ("task", "working")
    shown = await client.result("tasks/get", taskId=task["taskId"])
    assert (shown["resultType"], shown["status"]) == ("complete", "working")
    assert (await client.result("tasks/update", taskId=task["taskId"], inputResponses={}))["resultType"] == "complete"
    stranger = await mcp(api, await api.person(), extensions=(TASKS,))
    for method in ("tasks/get", "tasks/cancel"):
        assert (await stranger.send(method, taskId=task["taskId"])).json()["error"]["message"] == "Task not found"
    assert (await client.result("tasks/cancel", taskId=task["taskId"]))["resultType"] == "complete"
    assert (await client.result("tasks/get", taskId=task["taskId"]))["status"] == "cancelled"
    without = await mcp(api, owner)
    assert (await without.send("tasks/get", taskId=task["taskId"])).json()["error"]["code"] == -32021
    assert "job_id" in await without.call("start_item_import", file_id=file)
    for listing, shown in ((client, False), (without, True)):
        (tool,) = [one for one in (await listing.result("tools/list"))["tools"] if one["name"] == "start_item_import"]
        assert ("outputSchema" in tool) is shown


async def test_resources_are_items_files_schemas_and_pages(api: Running) -> None:
    owner = await api.person()
    item, file = await api.item(owner), await api.uploaded(owner, b"Four legs", "text/plain")
    client = await mcp(api, owner)
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await client.result("resources/list", **cursor)
        listed += [one["uri"] for one in page["resources"]]
        assert (page["cacheScope"], page["ttlMs"]) == ("private", 60_000)
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert {"api-base://events/items.created.v1.json", "api-base://docs/problems/conflict.md"} <= {*listed}
    for uri in listed:
        assert (await client.result("resources/read", uri=uri))["contents"][0]["text"]
    (shown,) = (await client.result("resources/read", uri=f"api-base://items/{item['id']}"))["contents"]
    assert json.loads(shown["text"])["sku"] == item["sku"]
    (text,) = (await client.result("resources/read", uri=f"api-base://files/{file}"))["contents"]
    assert (text["text"], text["mimeType"]) == ("Four legs", "text/plain")
    templates = [one["uriTemplate"] for one in (await client.result("resources/templates/list"))["resourceTemplates"]]
    assert templates == ["api-base://files/{id}", "api-base://items/{id}"]


async def test_each_call_is_audited_with_the_name_of_the_client(api: Running, migrated: Urls) -> None:
    person = await api.person()
    client = await mcp(api, person)
    body, headers = client.message("tools/call", {"name": "list_items", "arguments": {}})
    body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = {"name": "evil\n\u202e" + "x" * 500, "version": "1"}
    assert (await client.post(body, **headers)).status_code == 200
    owner = await asyncpg.connect(migrated.owner)
    rows = await owner.fetch("select entity, after, tenant_id from audit where action = 'mcp.called' and actor_id = $1", person.id)
    await owner.close()
    (row,) = rows
    assert (row["entity"], row["tenant_id"]) == ("list_items", person.tenant_id)
    assert json.loads(row["after"]) == {"client": "evil?" + "x" * 95, "revision": MODERN}

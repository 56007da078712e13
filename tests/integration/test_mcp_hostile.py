"""Hostile requests to `/mcp`: ids of every type, envelopes, names and arguments that do not fit, requests that are cancelled."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.integration.mcp_client import MODERN, STABLE, TASKS, mcp, recorded

CHAIR: Final = {"sku": "CHAIR-1", "name": "Chair", "category": "furniture"}


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated)) as started:
        yield started


@pytest.mark.parametrize("id", [1, 0, -1, 2**53, "a", "", "1", "é" * 1000])
async def test_an_id_is_repeated_as_it_came(api: Running, id: Any) -> None:
    for revision in (MODERN, STABLE):
        client = await mcp(api, await api.person(), revision=revision)
        body, headers = client.message("tools/list", {})
        answer = await client.post(body | {"id": id}, **headers)
        assert (answer.status_code, answer.json()["id"], type(answer.json()["id"])) == (200, id, type(id))


@pytest.mark.parametrize("id", [None, True, False, 1.5, [], {}, [1]])
async def test_an_id_of_another_type_is_no_request(api: Running, id: Any) -> None:
    client = await mcp(api, await api.person())
    body, headers = client.message("tools/list", {})
    answer = await client.post(body | {"id": id}, **headers)
    assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (400, None, -32600)


META: Final = "io.modelcontextprotocol/"


@pytest.mark.parametrize(
    "meta",
    [None, [], "x", 5, {f"{META}protocolVersion": 5}, {f"{META}protocolVersion": MODERN},
     {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": []},
     {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": {"extensions": 5}},
     {f"{META}protocolVersion": MODERN, f"{META}clientCapabilities": {"extensions": [TASKS]}}],
)  # fmt: skip
async def test_a_hostile_envelope_is_refused(api: Running, meta: Any) -> None:
    client = await mcp(api, await api.person())
    body, headers = client.message("tools/list", {})
    body["params"]["_meta"] = meta
    answer = await client.post(body, **headers)
    assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (400, 1, -32602), answer.text


async def test_a_hostile_name_of_a_client_is_stored_as_bounded_text(api: Running, migrated: Urls) -> None:
    person = await api.person()
    client = await mcp(api, person)
    for name in ("\x00", "x" * 100_000, "ana\r\nX: 1", {"a": 1}, ["x"], 5, None):
        body, headers = client.message("tools/call", {"name": "get_profile", "arguments": {}})
        body["params"]["_meta"][f"{META}clientInfo"] = {"name": name, "version": "1"}
        assert (await client.post(body, **headers)).status_code == (200 if isinstance(name, str) else 400)
    assert [client for _, _, client in await recorded(migrated, person)] == ["?", "x" * 100, "ana?X: 1"]


@pytest.mark.parametrize("version", [None, [], {}, 5, "", "x" * 1000, "1999-01-01"])
async def test_a_handshake_offers_a_revision_for_any_that_is_unknown(api: Running, version: Any) -> None:
    client = await mcp(api, await api.person(), revision=STABLE)
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    answer = (await client.send("initialize", **params)).json()
    if isinstance(version, str):
        assert answer["result"]["protocolVersion"] == STABLE
    else:
        assert answer["error"]["code"] == -32602


@pytest.mark.parametrize(
    "params",
    [{"name": "create_item", "arguments": {"x": {}}}, {"name": "create_item", "arguments": []}, {"name": "create_item", "arguments": "x"},
     {"name": 5}, {"name": None}, {"name": ["get_item"]}, {}, {"arguments": {}}, {"name": "x" * 1_000_000},
     {"name": "create_item", "arguments": {"attributes": json.loads("[" * 30 + "]" * 30)}},
     {"name": "create_item", "arguments": {f"m{number}": 1 for number in range(20_000)}}],
)  # fmt: skip
async def test_hostile_params_are_refused_and_change_nothing(api: Running, params: dict[str, Any]) -> None:
    for revision in (MODERN, STABLE):
        client = await mcp(api, await api.person(), revision=revision)
        body, headers = client.message("tools/call", params)
        name = params.get("name")
        answer = await client.post(body, **headers | ({"Mcp-Name": name[:1000]} if isinstance(name, str) and revision == MODERN else {}))
        content = answer.json()
        assert "error" in content or content["result"]["isError"] is True
        assert len(answer.content) < 100_000
        assert (await client.call("list_items"))["items"] == []


async def test_a_cancelled_request_leaves_nothing_half_done(api: Running) -> None:
    client = await mcp(api, await api.person())
    for wait in range(8):
        calling = asyncio.create_task(client.call("create_item", **{**CHAIR, "sku": f"S{wait}"}))
        for _ in range(wait * 3):
            await asyncio.sleep(0)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    assert (await client.call("create_item", **CHAIR))["version"] == 1
    skus = {one["sku"] for one in (await client.call("list_items"))["items"]}
    assert skus <= {CHAIR["sku"], *(f"S{wait}" for wait in range(8))}

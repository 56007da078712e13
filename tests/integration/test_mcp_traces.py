"""Spans of MCP requests: in the trace that the client names in `_meta`, whatever else it contains."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.integration.mcp_client import STABLE, McpClient, mcp
from tests.traces import SAMPLED, SPAN, TRACE, exporting, parent_of, trace_of

HEADER: Final = f"00-{'c' * 32}-{'d' * 16}-01"
SECRET: Final = "ana@example.com"


@pytest.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(migrated)) as started:
        yield started


async def call(client: McpClient, tool: str, meta: Any, **arguments: Any) -> Any:
    body, headers = client.message("tools/call", {"name": tool, "arguments": arguments, "_meta": meta})
    answer = await client.post(body, traceparent=HEADER, **headers)
    return answer.json()


async def test_the_client_s_span_is_the_parent_and_the_request_a_link(api: Running) -> None:
    client = await mcp(api, await api.person(), revision=STABLE)
    with exporting() as exported:
        await call(client, "list_items", {"traceparent": SAMPLED, "tracestate": "v=1", "baggage": f"user={SECRET}"}, q=SECRET)
        span = exported.named("tools/call list_items")
    assert (trace_of(span), parent_of(span)) == (TRACE, SPAN)
    assert [f"{link.context.trace_id:032x}" for link in span.links] == ["c" * 32]
    assert span.context is not None
    assert span.context.trace_state.to_header() == "v=1"
    assert SECRET not in exported.text()


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"traceparent": None},
        {"traceparent": 7, "tracestate": ["a=1"]},
        {"traceparent": SAMPLED.upper()},
        {"traceparent": f"{SAMPLED}\nx: y", "tracestate": "a=1"},
        {"traceparent": "0" * 100_000},
        {"traceparent": "00-ä"},
        {"tracestate": "v=1", "baggage": "x" * 100_000},
    ],
)
async def test_anything_else_is_ignored(api: Running, meta: dict[str, Any]) -> None:
    client = await mcp(api, await api.person(), revision=STABLE)
    with exporting() as exported:
        answer = await call(client, "list_items", meta)
        spans = [one for one in exported.spans() if one.name == "tools/call list_items"]
    assert "result" in answer
    assert [trace_of(one) for one in spans] == ["c" * 32]
    assert [one.context.trace_state.to_header() for one in spans if one.context is not None] == [""]


async def test_names_that_do_not_exist_are_in_no_span(api: Running) -> None:
    client = await mcp(api, await api.person(), revision=STABLE)
    with exporting(ratio=1.0) as exported:
        await call(client, SECRET, {"traceparent": SAMPLED})
        await client.post({"jsonrpc": "2.0", "id": SECRET * 100, "method": SECRET}, traceparent=HEADER)
        spans = {one.name: dict(one.attributes or {}) for one in exported.spans()}
    assert spans["tools/call"]["rpc.response.status_code"] == "-32602"
    assert "gen_ai.tool.name" not in spans["tools/call"]
    other = spans["other method"]
    assert (other["mcp.method.name"], other["error.type"]) == ("other method", "-32601")
    assert len(str(other.pop("jsonrpc.request.id"))) == 100
    assert SECRET not in str(spans)


async def test_a_tool_error_of_the_client_is_marked_and_exported_only_if_it_is_sampled(api: Running) -> None:
    client = await mcp(api, await api.person(), revision=STABLE)
    with exporting() as exported:
        await call(client, "create_item", {"traceparent": SAMPLED[:-1] + "0"}, sku="")
        await call(client, "create_item", {"traceparent": SAMPLED}, sku="")
        (span,) = (one for one in exported.spans() if one.name == "tools/call create_item")
    assert (span.attributes or {})["error.type"] == "tool_error"
    assert span.status.is_ok is False

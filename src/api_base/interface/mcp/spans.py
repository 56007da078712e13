"""Spans of requests [OpenTelemetry, "Semantic conventions for Model Context Protocol"]: no argument and no result of a tool.

The parent is the span that the client names in `params._meta` [SEP-414], otherwise that of the HTTP request.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from mcp_types import INTERNAL_ERROR
from mcp_types.methods import SPEC_CLIENT_METHODS
from opentelemetry.trace import Span, StatusCode

from api_base.core.shared.trace_context import TraceContext
from api_base.core.shared.trace_units import fail_unit, message, operation
from api_base.core.types import current_context
from api_base.interface.mcp.request import cleaned
from api_base.interface.mcp.tasks import METHODS

OTHER: Final = "other method"
"""The name of a request for a method that does not exist: clients must not choose names."""


def request_span(method: str, params: Mapping[str, Any] | None, id: str | int, revision: str) -> AbstractContextManager[Span]:
    """Open the span of a request."""
    name = method if method in SPEC_CLIENT_METHODS or method in METHODS else OTHER
    attributes = {
        "mcp.method.name": name,
        "mcp.protocol.version": cleaned(revision),
        "jsonrpc.request.id": cleaned(str(id)),
        "network.transport": "tcp",
        "network.protocol.name": "http",
    }
    meta = (params or {}).get("_meta")
    if isinstance(meta, dict):
        sent = TraceContext.received(*(meta.get(one) for one in TraceContext._fields))
        if sent.traceparent:
            return message(current_context.get(), name, attributes, sent=sent)
    return operation(name, attributes)


def describe_tool(current: Span, name: str) -> None:
    """Note a tool that exists."""
    if current.is_recording():
        current.update_name(f"tools/call {name}")
        current.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name})


def note_error(current: Span, code: int) -> None:
    """Note an error of JSON-RPC. An internal one makes the unit fail."""
    if current.is_recording():
        current.set_attributes({"error.type": str(code), "rpc.response.status_code": str(code)})
        current.set_status(StatusCode.ERROR)
    if code == INTERNAL_ERROR:
        fail_unit(current, str(code))


def note_tool_error(current: Span, *, internal: bool) -> None:
    """Note that a tool answered with a problem; `internal` if that is an error of the server."""
    if current.is_recording():
        current.set_attribute("error.type", "tool_error")
        current.set_status(StatusCode.ERROR)
    if internal:
        fail_unit(current, "tool_error")

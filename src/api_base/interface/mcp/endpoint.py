"""JSON-RPC over one POST, by the SDK: revision 2026-07-28, and those with a handshake, without sessions. Imported by the first request.

The SDK classifies requests, validates parameters and shapes results. `tools/call` takes a shorter way behind its validation: a result is
encoded once, from the DTO, and never validated as a model.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import modern_error_data, serve_one
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    InboundLadderRejection,
    classify_inbound_request,
    decode_header_value,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
    validate_mcp_param_headers,
)
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
    ErrorData,
    JSONRPCNotification,
    JSONRPCRequest,
)
from mcp_types import methods as surface
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN_PROTOCOL_VERSIONS
from opentelemetry.trace import Span
from pydantic import ValidationError
from starlette.datastructures import Headers

from api_base.core.errors import ApiBaseError
from api_base.core.types import current_context
from api_base.interface.errors.handlers import problem_of
from api_base.interface.errors.http import RouteNotFound
from api_base.interface.mcp.arguments import DRY_RUN
from api_base.interface.mcp.call import Call, current_call
from api_base.interface.mcp.catalogue import Outcome
from api_base.interface.mcp.handlers import Handlers
from api_base.interface.mcp.request import McpRequest, cleaned
from api_base.interface.mcp.spans import describe_tool, note_error, note_tool_error, request_span
from api_base.interface.mcp.tasks import EXTENSION, METHODS, Tasks
from api_base.interface.routes.rendering import ProtocolAnswer

logging.getLogger("mcp").setLevel(logging.ERROR)  # warnings name what a client sent
_FALLBACK: Final = "2025-03-26"
"""The revision of a request without the header [Streamable HTTP, Protocol Version Header]."""
_TRANSPORT: Final = TransportContext(kind="streamable-http", can_send_request=False, headers={})


@dataclass
class _Exchange:
    """The SDK's `DispatchContext` of one request. The server sends no requests and no notifications."""

    request_id: str | int
    transport: TransportContext = _TRANSPORT
    message_metadata: None = None
    can_send_request: bool = False
    cancel_requested: Any = None

    async def send_raw_request(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """Nobody listens."""

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Nobody listens."""


class Endpoint:
    """Answers the requests of one application."""

    def __init__(self, handlers: Handlers, tasks: Tasks, name: str, version: str) -> None:
        self._handlers, self._tasks = handlers, tasks
        self._server: Server[Any] = Server(
            name,
            version=version,
            on_list_tools=handlers.list_tools,
            on_list_resources=handlers.list_resources,
            on_list_resource_templates=handlers.list_templates,
            on_read_resource=handlers.read_resource,
        )
        self._server.middleware.clear()  # the pipeline of the bus opens the spans
        for binding in tasks.methods():
            self._server.add_request_handler(binding.method, binding.params_type, binding.handler)
        self._server.extensions[EXTENSION] = tasks.settings()

    async def answer(self, request: McpRequest) -> ProtocolAnswer:
        """Raises `RouteNotFound` for a tenant that has switched MCP off."""
        if self._handlers.mode() == "off":
            raise RouteNotFound
        if not request.acceptable:
            return ProtocolAnswer(status=406, content=None)
        document = request.document
        if request.problem:
            return _error(None, ErrorData(code=PARSE_ERROR, message=request.problem), 400)
        version = request.headers.get("mcp-protocol-version", "")
        modern = version not in ("", *HANDSHAKE_PROTOCOL_VERSIONS) or _enveloped(document)
        if isinstance(document, dict) and "id" not in document:
            return _notified(document, version, modern=modern)
        try:
            message = JSONRPCRequest.model_validate(document)
        except ValidationError:
            return _error(None, ErrorData(code=INVALID_REQUEST, message="The body must be one JSON-RPC request or notification."), 400)
        if not modern:
            connection = Connection.from_envelope(self._legacy(message, version), None, None)
            return await self._dispatched(request, message, connection, cleaned(request.headers.get("user-agent")), legacy=True)
        rejection = _mismatch(request, message) or classify_inbound_request(document, headers=request.headers)
        if isinstance(rejection, InboundLadderRejection):
            return _error(message.id, ErrorData(code=rejection.code, message=rejection.message, data=rejection.data), 400)
        info = rejection.client_info
        connection = Connection.from_envelope(rejection.protocol_version, info, rejection.client_capabilities)
        client = cleaned(info.get("name")) if isinstance(info, dict) else ""
        return await self._dispatched(request, message, connection, client, legacy=False)

    @staticmethod
    def _legacy(message: JSONRPCRequest, version: str) -> str:
        """The revision of a request; that of `initialize` is what its answer says."""
        if message.method == "initialize":
            wanted = (message.params or {}).get("protocolVersion")
            return wanted if wanted in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
        return version or _FALLBACK

    async def _dispatched(
        self, request: McpRequest, message: JSONRPCRequest, connection: Connection, client: str, *, legacy: bool
    ) -> ProtocolAnswer:
        writing = request.scope == "write" and self._handlers.mode() == "write"
        call = Call(client=client, revision=connection.protocol_version, connection=connection, writing=writing)
        token = current_call.set(call)
        with request_span(message.method, message.params, message.id, call.revision) as span:
            try:
                if message.method == "tools/call":
                    return await self._called(request, message, connection, span)
                result = await serve_one(
                    self._server, _Exchange(message.id), message.method, message.params, connection=connection, lifespan_state=None
                )
            except ApiBaseError as error:
                return _refused(message.id, error, span, legacy=legacy)
            except Exception as error:  # the SDK's map of errors: what is unexpected is logged, and its text stays here
                data = modern_error_data(error)
                note_error(span, data.code)
                status = 500 if data.code == INTERNAL_ERROR else 200 if legacy else ERROR_CODE_HTTP_STATUS.get(data.code, 200)
                return _error(message.id, data, status)
            finally:
                current_call.reset(token)
        return ProtocolAnswer(status=200, content={"jsonrpc": "2.0", "id": message.id, "result": result})

    async def _called(self, request: McpRequest, message: JSONRPCRequest, connection: Connection, span: Span) -> ProtocolAnswer:
        version = connection.protocol_version
        params = message.params or {}
        surface.validate_client_request("tools/call", version, params)
        name, given = params["name"], params.get("arguments") or {}
        found = self._handlers.tool(name)
        if found is None:
            await self._handlers.record(f"unknown tool {cleaned(name)}")
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {cleaned(name)}")
        if not found.reads and request.scope != "write":
            return ProtocolAnswer(status=403, content=None, headers=[self._handlers.insufficient_scope])
        modern = version in MODERN_PROTOCOL_VERSIONS
        if modern and found.mirrored and (wrong := validate_mcp_param_headers(found.arguments.schema, given, _repeatable(request))):
            return _error(message.id, ErrorData(code=wrong.code, message=wrong.message), 400)
        describe_tool(span, found.name)
        outcome = await self._handlers.call(found, given)
        if outcome.failed:
            note_tool_error(span, internal=outcome.internal)
        undone = outcome.failed or given.get(DRY_RUN) is True
        if modern and found.tool.job is not None and not undone and current_call.get().declares(EXTENSION):
            result = await self._tasks.created(found.tool.job(outcome.answer))
        else:
            result = shaped(outcome)
            if modern:
                result["resultType"] = "complete"
        if modern:
            result["_meta"] = {SERVER_INFO_META_KEY: self._server.server_info_stamp}
        return ProtocolAnswer(status=200, content={"jsonrpc": "2.0", "id": message.id, "result": result})


def shaped(outcome: Outcome) -> dict[str, Any]:
    """A `CallToolResult`: structured, and the same as text; or text only."""
    if outcome.content is None:
        return {"content": [{"type": "text", "text": "Done."}], "isError": False}
    text = outcome.content.decode()
    if not outcome.structured:
        return {"content": [{"type": "text", "text": text}], "isError": False}
    return {"content": [{"type": "text", "text": text}], "structuredContent": msgspec.Raw(outcome.content), "isError": outcome.failed}


def _repeatable(request: McpRequest) -> Headers:
    """The headers with those that are repeated."""
    return Headers(raw=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.lines])


def _enveloped(document: Any) -> bool:
    params = document.get("params") if isinstance(document, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta


def _mismatch(request: McpRequest, message: JSONRPCRequest) -> InboundLadderRejection | None:
    """What the SDK's classifier does not see: repeated headers, and the task that `Mcp-Name` names [SEP-2663]."""
    repeated = find_duplicated_routing_header(request.lines)
    if repeated is not None:
        return InboundLadderRejection(code=HEADER_MISMATCH, message=f"{repeated} header appears more than once")
    if message.method in METHODS and decode_header_value(request.headers.get("mcp-name")) != (message.params or {}).get("taskId"):
        return InboundLadderRejection(code=HEADER_MISMATCH, message="mcp-name header does not match the request body's 'taskId' parameter")
    return None


def _notified(document: Mapping[str, Any], version: str, *, modern: bool) -> ProtocolAnswer:
    """Accept a notification: none changes anything here, where no request outlives its answer."""
    try:
        JSONRPCNotification.model_validate(document)
    except ValidationError:
        return _error(None, ErrorData(code=INVALID_REQUEST, message="The body must be one JSON-RPC request or notification."), 400)
    if modern and (refused := unsupported_protocol_version_rejection(version)) is not None:
        return _error(None, ErrorData(code=refused.code, message=refused.message, data=refused.data), 400)
    return ProtocolAnswer(status=202, content=None)


def _refused(id: str | int, error: ApiBaseError, span: Span, *, legacy: bool) -> ProtocolAnswer:
    """The problem of an error outside a tool. Raises `error` itself if it has none."""
    problem = problem_of(error)
    if problem is None:
        raise error
    members = problem.members(request_id=current_context.get().request_id)
    note_error(span, INTERNAL_ERROR if problem.status >= 500 else INVALID_PARAMS)
    if problem.status >= 500:
        return _error(id, ErrorData(code=INTERNAL_ERROR, message=problem.detail, data=members), problem.status)
    return _error(id, ErrorData(code=INVALID_PARAMS, message=problem.detail, data=members), 200 if legacy else 400)


def _error(id: str | int | None, data: ErrorData, status: int) -> ProtocolAnswer:
    error = {"code": data.code, "message": data.message} | ({} if data.data is None else {"data": data.data})
    return ProtocolAnswer(status=status, content={"jsonrpc": "2.0", "id": id, "error": error})

"""What MCP clients list, read and call, for the principal of the request."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from api_base.application.common.cqrs import Bus
from api_base.application.services.feature_flags import FeatureFlags
from api_base.core.errors import ApiBaseError, NotFound
from api_base.core.protocols import McpCallLog
from api_base.core.types import current_context
from api_base.interface.mcp.call import current_call, uuid_of
from api_base.interface.mcp.catalogue import CallableTool, Catalogue, Outcome, refused
from api_base.interface.mcp.declared import Document, McpResource, ResourceContent
from api_base.interface.mcp.tasks import EXTENSION
from api_base.interface.routes.rendering import encode

PAGE: Final = 50
"""Tools or resources of a page."""
TTL_MS: Final = 60_000
FLAG: Final = "mcp-mode"
_MODES: Final = ("off", "read", "write")
SCHEME: Final = "api-base://"


class Handlers:
    """`documents` are the texts that every caller may read, by path. `mode` is that of the settings, `challenge` the header of a 403."""

    def __init__(
        self,
        catalogue: Catalogue,
        bus: Bus,
        flags: FeatureFlags,
        log: McpCallLog,
        documents: Mapping[str, Document],
        mode: str,
        challenge: bytes,
    ) -> None:
        self._catalogue, self._bus, self._flags, self._log = catalogue, bus, flags, log
        self._documents, self._mode = documents, mode
        self.insufficient_scope = (b"www-authenticate", b'Bearer realm="api", error="insufficient_scope", scope="write"' + challenge)

    def mode(self) -> str:
        """The mode of the settings, lowered by the tenant's flag. What the flag does not know is `off`."""
        flag = self._flags.string(FLAG, self._mode)
        return min(self._mode, flag if flag in _MODES else "off", key=_MODES.index)

    def tool(self, name: object) -> CallableTool | None:
        """A tool that exists for the caller."""
        found = self._catalogue.find(current_context.get().principal, name) if isinstance(name, str) else None
        return found if found is not None and (found.reads or self.mode() == "write") else None

    async def call(self, found: CallableTool, given: Mapping[str, Any]) -> Outcome:
        """Record the call, then execute it."""
        try:
            await self.record(found.name)
        except ApiBaseError as error:
            return refused(error)
        return await self._catalogue.call(found, given)

    async def record(self, what: str, target: UUID | None = None) -> None:
        """Write a call to the audit trail. Raises `Unavailable`: then nothing may be executed."""
        call = current_call.get()
        await self._log.called(current_context.get(), what, target, call.client, call.revision)

    async def list_tools(self, ctx: ServerRequestContext[Any], params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        tools = self._catalogue.tools(current_context.get().principal, writing=current_call.get().writing)
        page, following = _page([_shown(one) for one in tools], params)
        return types.ListToolsResult(
            tools=[types.Tool.model_validate(one) for one in page], next_cursor=following, ttl_ms=TTL_MS, cache_scope="private"
        )

    async def list_resources(
        self, ctx: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        page, following = _page(sorted(self._documents), params)
        shown = [
            types.Resource(uri=SCHEME + path, name=path, title=one.title, mime_type=one.media_type, size=len(one.content.encode()))
            for path, one in ((path, self._documents[path]) for path in page)
        ]
        return types.ListResourcesResult(resources=shown, next_cursor=following, ttl_ms=TTL_MS, cache_scope="private")

    async def list_templates(
        self, ctx: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        principal = current_context.get().principal
        allowed = [one for _, one in sorted(self._catalogue.resources.items()) if self._catalogue.may(principal, one.permission)]
        page, following = _page(allowed, params)
        shown = [
            types.ResourceTemplate(uri_template=f"{SCHEME}{one.path}/{{id}}", name=one.name, description=one.description) for one in page
        ]
        return types.ListResourceTemplatesResult(resource_templates=shown, next_cursor=following, ttl_ms=TTL_MS, cache_scope="private")

    async def read_resource(self, ctx: ServerRequestContext[Any], params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        path = uri.removeprefix(SCHEME) if uri.startswith(SCHEME) else ""
        kind, _, id = path.partition("/")
        document, template = self._documents.get(path), self._catalogue.resources.get(kind)
        await self.record("resources/read" if document is None and template is None else f"resources/read {kind}", uuid_of(id))
        content: ResourceContent = document or await self._of_id(uri, template, uuid_of(id))
        if isinstance(content.content, str):
            part: Any = types.TextResourceContents(uri=uri, mime_type=content.media_type, text=content.content)
        else:
            part = types.BlobResourceContents(uri=uri, mime_type=content.media_type, blob=b64encode(content.content).decode())
        return types.ReadResourceResult(contents=[part], ttl_ms=0, cache_scope="private")

    async def _of_id(self, uri: str, template: McpResource | None, id: UUID | None) -> ResourceContent:
        """The content of a template. Foreign, unknown and forbidden resources are answered alike."""
        if template is not None and id is not None and self._catalogue.may(current_context.get().principal, template.permission):
            with suppress(NotFound):
                return await _content(template, await self._bus.execute(template.message(id)))
        raise MCPError(code=types.INVALID_PARAMS, message="Resource not found", data={"uri": uri[:1000]})


def _shown(tool: CallableTool) -> Mapping[str, Any]:
    """A tool as the client of the request meets it: as a task, a job has the result of the job, not that of its start."""
    if tool.tool.job is None or not current_call.get().declares(EXTENSION):
        return tool.described
    return {name: value for name, value in tool.described.items() if name != "outputSchema"}


async def _content(found: McpResource, answer: Any) -> ResourceContent:
    if found.content is not None:
        return await found.content(answer)
    return ResourceContent(media_type="application/json", content=encode(answer).decode())


def _page[T](rows: Sequence[T], params: types.PaginatedRequestParams | None) -> tuple[Sequence[T], str | None]:
    """A page of a list that has a fixed order. A cursor is the number of rows before the page."""
    cursor = None if params is None else params.cursor
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 7 and int(cursor) < len(rows)):
        raise MCPError(code=types.INVALID_PARAMS, message="Invalid cursor: use nextCursor of the previous page.")
    start = int(cursor or 0)
    end = start + PAGE
    return rows[start:end], str(end) if end < len(rows) else None

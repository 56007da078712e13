"""The tools of the application, by name: which of them a principal may call, and the call."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, is_dataclass, replace
from functools import cached_property
from types import NoneType
from typing import Any, Final, get_args, get_origin

import msgspec

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command, Query, answer_of
from api_base.application.common.listing import Page
from api_base.core.errors import ApiBaseError, Fault, Invalid, ProgrammingError, WiringError
from api_base.core.protocols import PermissionChecker
from api_base.core.types import DryRun, Err, KeyedExecution, KeyedRequest, Principal, current_context
from api_base.core.types.idempotency_keys import fingerprint, key_digest
from api_base.interface.errors.handlers import problem_of
from api_base.interface.mcp.arguments import Arguments, located
from api_base.interface.mcp.declared import Exposed, McpResource, Tool
from api_base.interface.routes.rendering import encode, encode_page

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
type Permissions = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`content` is JSON, or plain text unless `structured`; None for a call without a result. `answer` is the result itself; None for an error,
    which is `internal` if it is one of the server."""

    content: bytes | None
    structured: bool = True
    failed: bool = False
    internal: bool = False
    answer: Any = None


class CallableTool:
    """A tool, compiled at its first use."""

    def __init__(self, tool: Tool) -> None:
        self.tool, self.name = tool, tool.name
        self.reads = issubclass(tool.message, Query)

    @cached_property
    def arguments(self) -> Arguments:
        return Arguments(self.tool)

    @cached_property
    def _answer(self) -> Any:
        return answer_of(self.tool.message)

    @cached_property
    def structured(self) -> bool:
        """Whether the result is JSON, which has a schema."""
        return self._answer not in (NoneType, str)

    @cached_property
    def mirrored(self) -> bool:
        """Whether headers repeat arguments (`x-mcp-header`). Raises `ProgrammingError` for an argument that a header cannot repeat."""
        if b'"x-mcp-header"' not in msgspec.json.encode(self.arguments.schema):
            return False
        from mcp.shared.inbound import find_invalid_x_mcp_header

        if (wrong := find_invalid_x_mcp_header(self.arguments.schema)) is not None:
            raise ProgrammingError(f"The tool {self.name}: {wrong}.")
        return True

    @cached_property
    def described(self) -> dict[str, Any]:
        """The tool as `tools/list` shows it."""
        message = self.tool.message
        destructive = issubclass(message, Command) and message.destructive
        idempotent = self.reads or (issubclass(message, Command) and message.idempotent)
        shown: dict[str, Any] = {
            "name": self.name,
            "title": self.name.replace("_", " ").capitalize(),
            "description": self.tool.description,
            "inputSchema": self.arguments.schema,
            "annotations": {
                "readOnlyHint": self.reads,
                "destructiveHint": destructive,
                "idempotentHint": idempotent,
                "openWorldHint": False,
            },
        }
        if self.structured:
            shown["outputSchema"] = _schema_of(self._answer)
        return shown

    def encoded(self, answer: Any) -> bytes | None:
        """A result: text, or the JSON of an object."""
        if answer is None:
            return None
        if isinstance(answer, str):
            return answer.encode()
        if isinstance(answer, Page):
            return encode_page(answer)
        return encode(answer if get_origin(self._answer) is not Sequence else {"items": answer})


def _schema_of(answer: Any) -> dict[str, Any]:
    """The JSON Schema [2020-12] of a result."""
    origin = get_origin(answer)
    if origin in (Page, Sequence):
        (schema,), definitions = msgspec.json.schema_components([get_args(answer)[0]], ref_template="#/$defs/{name}")
        properties: dict[str, Any] = {"items": {"type": "array", "items": schema}}
        if origin is Page:
            properties |= {"next_cursor": {"type": ["string", "null"]}, "total": {"type": "integer"}}
        return {"type": "object", "properties": properties, "required": ["items"], "$defs": definitions}
    (schema,), definitions = msgspec.json.schema_components([answer], ref_template="#/$defs/{name}")
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    own = definitions.pop(name) if name in definitions else {"type": "object"}
    return own | ({"$defs": definitions} if definitions else {})


def refuse_exposed(exposed: Sequence[Exposed], permissions: Permissions, handled: Callable[[Any], bool], platform: str) -> None:
    """Raise `WiringError` with every declaration that cannot be served.

    `permissions` maps each permission to the roles that hold it; `platform` is the role whose messages are never tools.
    """
    faults = [
        Fault(one.declared_at, f"Context.mcp: {problem}") for one in exposed for problem in _problems(one, permissions, handled, platform)
    ]
    names: set[str] = set()
    for tool in [one for one in exposed if isinstance(one, Tool)]:
        if not _NAME.fullmatch(tool.name) or tool.name in names:
            faults.append(Fault(tool.declared_at, f"Context.mcp: two tools have the name {tool.name!r}, or it is no name of a tool."))
        names.add(tool.name)
    if faults:
        raise WiringError(faults)


def _problems(one: Exposed, permissions: Permissions, handled: Callable[[Any], bool], platform: str) -> Iterator[str]:
    what, permission = (one.name, one.message.permission) if isinstance(one, Tool) else (one.path, one.permission)
    if permission not in (PUBLIC, AUTHENTICATED, *permissions):
        yield f"no context declares the permission {permission!r} of {what}."
    if permissions.get(permission, frozenset()) == {platform}:
        yield f"{what} is for administrators of the platform, whose messages are never tools."
    if not isinstance(one, Tool):
        return
    if not one.description.strip():
        yield f"the tool {what!r} has no description."
    if not handled(one.message):
        yield f"the message of the tool {what!r} has no handler. Add one to the context."
    answer = answer_of(one.message)
    if get_origin(answer) not in (Page, Sequence) and answer not in (NoneType, None, str) and not is_dataclass(answer):
        yield f"the tool {what!r} must have a dataclass, a Page, a Sequence, str or None as its result."


class Catalogue:
    """The tools and resources that `refuse_exposed` let pass."""

    def __init__(self, bus: Bus, checker: PermissionChecker, exposed: Sequence[Exposed]) -> None:
        self._bus, self._check = bus, checker.check
        self._tools = {one.name: CallableTool(one) for one in exposed if isinstance(one, Tool)}
        self.resources = {one.path: one for one in exposed if isinstance(one, McpResource)}

    def may(self, principal: Principal | None, permission: str) -> bool:
        """Return whether the principal holds the permission."""
        with suppress(ApiBaseError):
            self._check(principal, permission)
            return True
        return False

    def tools(self, principal: Principal | None, *, writing: bool) -> list[CallableTool]:
        """Return the tools that the principal may call, in order of their names."""
        found = (self._tools[name] for name in sorted(self._tools))
        return [one for one in found if (writing or one.reads) and self.may(principal, one.tool.message.permission)]

    def find(self, principal: Principal | None, name: str) -> CallableTool | None:
        """Return a tool that the principal's role allows; None for any other name."""
        found = self._tools.get(name)
        return found if found is not None and self.may(principal, found.tool.message.permission) else None

    async def call(self, found: CallableTool, given: Mapping[str, Any]) -> Outcome:
        """Execute the message over the bus. A refusal is an outcome that names what to mend."""
        try:
            message, dry, key = found.arguments.read(given)
            answer = await self._executed(found, message, _origin(found, given, dry, key))
        except ApiBaseError as error:
            return refused(error)
        return Outcome(content=found.encoded(answer), structured=found.structured, answer=answer)

    async def _executed(self, found: CallableTool, message: Any, origin: DryRun | KeyedExecution | None) -> Any:
        token = None if origin is None else current_context.set(current_context.get().within(origin))
        try:
            answer = await self._bus.execute(message)
        finally:
            if token is not None:
                current_context.reset(token)
        if isinstance(answer, Err):
            raise answer.error
        return answer


def _origin(found: CallableTool, given: Mapping[str, Any], dry: bool, key: str | None) -> DryRun | KeyedExecution | None:
    if dry:
        return DryRun()
    context = current_context.get()
    if key is None or context.principal is None:
        return None
    asked = fingerprint(key.encode(), msgspec.json.encode(given, order="sorted")).digest()
    request = KeyedRequest(
        tenant_id=context.tenant_id,
        user_id=context.principal.user_id,
        route=f"mcp {found.name}",
        key=key_digest(key.encode()),
        fingerprint=asked,
    )
    return KeyedExecution(request=request)


def refused(error: ApiBaseError) -> Outcome:
    """The problem of an error as an outcome. Raises `error` itself if it has none."""
    problem = problem_of(error)
    if problem is None:
        raise error
    if isinstance(error, Invalid):
        argued = located(error).violations
        problem = replace(
            problem, violations=[replace(one, pointer=of.pointer) for one, of in zip(problem.violations, argued, strict=True)]
        )
    content = encode(problem.members(request_id=current_context.get().request_id))
    return Outcome(content=content, failed=True, internal=problem.status >= 500)

"""What a context can declare wrongly for MCP clients is found at start; what it declares well has a schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from api_base.application.common.cqrs import AUTHENTICATED, Query
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import ProgrammingError, WiringError
from api_base.interface.mcp import Tool
from api_base.interface.mcp.catalogue import CallableTool, refuse_exposed


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDTO:
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GetNote(Query[NoteDTO]):
    permission: ClassVar[str] = AUTHENTICATED
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPlatform(Query[NoteDTO]):
    permission: ClassVar[str] = "platform:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUnknown(Query[NoteDTO]):
    permission: ClassVar[str] = "unknown:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountNotes(Query[int]):
    permission: ClassVar[str] = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhandled(Query[NoteDTO]):
    permission: ClassVar[str] = AUTHENTICATED


class Handler:
    async def handle(self, query: Any) -> Any:
        return None


HANDLED = (GetNote, ListPlatform, GetUnknown, CountNotes)
PERMISSIONS = {"platform:read": frozenset({"platform_admin"})}


GOOD = Tool(message=GetNote, description="Read a note.")


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ([GOOD, GOOD], "two tools have the name 'get_note'"),
        ([Tool(message=GetNote, description=" ")], "has no description"),
        ([Tool(message=ListPlatform, description="Read.")], "administrators of the platform"),
        ([Tool(message=GetUnknown, description="Read.")], "no context declares the permission 'unknown:read'"),
        ([Tool(message=CountNotes, description="Count.")], "must have a dataclass"),
        ([Tool(message=Unhandled, description="Read.")], "has no handler"),
    ],
)
def test_a_wrong_declaration_is_refused(tools: Sequence[Tool], reason: str) -> None:
    with pytest.raises(WiringError, match=reason) as refused:
        refuse_exposed(tools, PERMISSIONS, HANDLED.__contains__, "platform_admin")
    assert len(refused.value.faults) == 1


@pytest.mark.parametrize("tool", [one for context in BUILT_IN for one in context.mcp if isinstance(one, Tool)], ids=lambda tool: tool.name)
def test_each_tool_describes_itself_by_valid_schemas(tool: Tool) -> None:
    shown = CallableTool(tool).described
    for name in ("inputSchema", "outputSchema"):
        if name in shown:
            assert shown[name]["type"] == "object"
            Draft202012Validator.check_schema(shown[name])
    assert shown["inputSchema"]["additionalProperties"] is False
    assert shown["annotations"]["readOnlyHint"] is issubclass(tool.message, Query)


REGION = Field(json_schema_extra={"x-mcp-header": "Region"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GetByRegion(Query[NoteDTO]):
    permission: ClassVar[str] = AUTHENTICATED
    region: Annotated[str, REGION]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPerhapsByRegion(Query[NoteDTO]):
    permission: ClassVar[str] = AUTHENTICATED
    region: Annotated[str | None, REGION] = None


def test_an_argument_that_a_header_repeats_is_required_and_plain() -> None:
    assert not CallableTool(GOOD).mirrored
    assert CallableTool(Tool(message=GetByRegion, description="Read.")).mirrored
    with pytest.raises(ProgrammingError, match="get_perhaps_by_region: property 'region': x-mcp-header is only permitted on"):
        _ = CallableTool(Tool(message=GetPerhapsByRegion, description="Read.")).mirrored

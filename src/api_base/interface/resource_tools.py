"""The messages of a plain resource as tools of MCP."""

from collections.abc import Sequence
from typing import Any

from api_base.interface.mcp import Tool
from api_base.interface.resource_routes import ResourceRoutes


def resource_tools(resource: ResourceRoutes[Any]) -> Sequence[Tool]:
    """Return the tools. They name a resource by its id."""
    one = resource.singular.replace("_", " ")
    tools = [
        Tool(message=resource.get, description=f"Read one {one} by its id."),
        Tool(
            message=resource.list,
            description=f"List {resource.plural}: filtered, sorted, in pages.",
            listing=resource.fields,
            searchable=resource.searchable,
        ),
        Tool(
            message=resource.create,
            description=f"Create one {one}.",
            body=resource.create_body,
            fields=lambda given: {"values": given.values()},
        ),
        Tool(
            message=resource.update,
            description=f"Change the given members of one {one}. expected_version is the version that you read; null accepts any.",
            body=resource.patch_body,
            fields=lambda given: {"changes": given.values()},
        ),
        Tool(message=resource.delete, description=f"Delete one {one}. expected_version null accepts any version."),
    ]
    if resource.get_by_key is not None:
        tools.append(Tool(message=resource.get_by_key, description=f"Read one {one} by its {resource.key}."))
    if resource.restore is not None:
        tools.append(Tool(message=resource.restore, description=f"Restore one deleted {one}. expected_version null accepts any version."))
    return tools

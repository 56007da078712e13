"""The document as OpenAPI 3.2, which knows the method QUERY and the items of a stream. Many tools read 3.1 only, so that this is a setting."""

from typing import Any, Final

from api_base.interface.openapi.components import EXPORTS
from api_base.interface.openapi.query_operations import QUERY
from api_base.interface.routes.export_formats import JSONL

type Json = dict[str, Any]

VERSION: Final = "3.2.0"
_EVENTS: Final = "text/event-stream"
_EVENT: Final[Json] = {
    "type": "object",
    "description": "An event of Server-Sent Events.",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "minimum": 0},
    },
}


def upgrade(document: Json) -> None:
    """Change the complete document of version 3.1 in place."""
    document["openapi"] = VERSION
    for item in document["paths"].values():
        if QUERY in item:
            item["query"] = item.pop(QUERY)
        for operation in item.values():
            for response in operation.get("responses", {}).values():
                _describe_streams(response)


def _describe_streams(response: Json) -> None:
    content = response.get("content", {})
    if _EVENTS in content:
        content[_EVENTS]["itemSchema"] = _EVENT
    if EXPORTS in response:
        page = content["application/json"]["schema"]
        whole = page["anyOf"][0] if "anyOf" in page else page  # the other one is that of `fields`
        response[EXPORTS][JSONL] = {"itemSchema": _row(whole)}


def _row(page: Json) -> Json:
    return {"description": "A row of the list.", "$ref": f"{page['$ref']}/properties/items/items"}

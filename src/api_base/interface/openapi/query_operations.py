"""Operations of the method QUERY [RFC 10008], beside those of GET with the same function.

OpenAPI 3.1 knows no such method, so that they are the member `x-query` of their paths, and described as OpenAPI 3.2 describes `query`.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

from api_base.interface.listing import MAX_VALUE_LENGTH, OF_CONTENT
from api_base.interface.openapi.components import BY_STATUS
from api_base.interface.routes.body import FORM, JSON
from api_base.interface.routes.query_method import JOINED

type Json = dict[str, Any]

QUERY: Final = "x-query"

_TYPED: Final = {"true": True, "false": False}
_NAMES: Final[Json] = {"type": "array", "items": {"type": "string", "maxLength": MAX_VALUE_LENGTH}}


def query_operation(read: Json, example: str) -> Json:
    """Return the operation of QUERY that is the same as `read`, the complete operation of GET, whose query is in the content.

    `example` is a query string.
    """
    parameters = read.get("parameters", [])
    in_query = [one for one in parameters if one["in"] == "query"]
    responses = {**read["responses"], "413": BY_STATUS[413], "415": BY_STATUS[415]}
    del responses["414"]
    name: str = read["operationId"]
    return {
        **read,
        "operationId": f"query_{name.removeprefix('list_')}",
        "summary": f"{read['summary']}, by the content of the request",
        "description": "The same as GET, whose query string is the content: for filters that outgrow a URL. The request changes nothing.",
        "parameters": [one for one in parameters if one["in"] != "query"],
        "requestBody": {
            "required": True,
            "content": {
                JSON[0]: {"schema": _object(in_query), "example": example_of(example)},
                FORM[0]: {"schema": {"type": "object", "description": "The query string of GET."}, "example": dict(parse_qsl(example))},
            },
        },
        "responses": dict(sorted(responses.items())),
    }


def example_of(query: str) -> Json:
    """Return the content of QUERY that is the same as a query string of single values and lists of names.

    >>> example_of("status=draft&price[ge]=10&sort=-created_at,name&limit=2")
    {'status': 'draft', 'price': {'ge': '10'}, 'sort': ['-created_at', 'name'], 'limit': 2}
    """
    found: Json = {}
    for name, value in parse_qsl(query):
        field, _, operator = name.removesuffix("]").partition("[")
        if operator:
            found.setdefault(field, {})[operator] = value.split(",") if operator == "in" else value
        else:
            found[field] = value.split(",") if field in JOINED else _TYPED.get(value, int(value) if value.isdigit() else value)
    return found


def _object(parameters: list[Json]) -> Json:
    properties = {one["name"]: {"description": one["description"], **_member(one)} for one in parameters}
    required = [one["name"] for one in parameters if one.get("required")]
    return {"type": "object", "additionalProperties": False, "properties": properties, **({"required": required} if required else {})}


def _member(parameter: Json) -> Json:
    schema: Json = parameter["schema"]
    if parameter["name"] in JOINED:
        return {"anyOf": [_NAMES, schema]}
    if parameter.get("style") != "deepObject":
        return schema
    operators: Json = schema["properties"]
    if "in" in operators:
        members = {"type": "array", "maxItems": OF_CONTENT.members, "items": operators.get("eq", operators["in"])}
        operators = {**operators, "in": members}
    several = {**schema, "properties": operators}
    return {"anyOf": [operators["eq"], several]} if "eq" in operators else several

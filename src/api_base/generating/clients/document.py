"""The operations of an OpenAPI document, as clients have them: in one order, with names that every language can use."""

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from api_base.core.errors import ConfigurationError
from api_base.interface.openapi.query_operations import QUERY
from api_base.interface.openapi.references import resolved
from api_base.interface.openapi.schema_names import PREFIX

type Json = dict[str, Any]

METHODS: Final = ("get", "post", "put", "patch", "delete", "query", QUERY)
JSON: Final = "application/json"
KEY: Final = "idempotency-key"
_OWN_HEADERS: Final = frozenset({"accept", "authorization", "content-type", KEY})
"""Headers that the client sends itself."""
_STREAM: Final = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`wire` is the name in the request, `name` the one in a program."""

    wire: str
    name: str
    place: str
    required: bool
    schema: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """`media_type` is that which the client sends. `schema` describes the value; `needed` is False where it may be left out."""

    media_type: str
    schema: Json
    needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`tag` is the group of the operation. `media_type` is that of the result, None without one; `sparse` describes it if `fields` is given.

    `element` describes the elements of a list that has further pages.
    """

    name: str
    tag: str
    method: str
    path: str
    summary: str
    parameters: Sequence[Parameter]
    body: Body | None
    media_type: str | None
    result: Json | None
    sparse: Json | None
    element: Json | None
    keyed: bool
    deprecated: bool


def operations(document: Json) -> Sequence[Operation]:
    """Return the operations of a document, sorted by group and name. Streams of events and operations of the protocol of uploads are left out: they
    need clients of their own. Raises `ConfigurationError` for two operations of one name."""
    found = sorted(_found(document), key=lambda one: (one.tag, one.name))
    for one, other in pairwise(found):
        if (one.tag, one.name) == (other.tag, other.name):
            raise ConfigurationError(f"Two operations are named {one.name}: {one.method} {one.path} and {other.method} {other.path}.")
    return found


def kinds(document: Json) -> Sequence[str]:
    """Return the kinds of problems that the document names, sorted."""
    schema = document.get("components", {}).get("schemas", {}).get("Problem", {})
    examples = schema.get("properties", {}).get("type", {}).get("examples", [])
    return sorted({str(one).rpartition("#")[2].rpartition("/")[2] for one in examples})


def reference(schema: Json) -> str | None:
    """Return the name of the schema that `schema` refers to; None if it describes a value itself."""
    ref = schema.get("$ref")
    return None if ref is None else str(ref).removeprefix(PREFIX)


def class_name(name: str) -> str:
    """Return a name for the type of a schema.

    >>> class_name("shop.Item-Input")
    'shop_Item_Input'
    """
    found = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{found}" if found[:1].isdigit() or keyword.iskeyword(found) else found


def identifier(name: str) -> str:
    """Return a name for a parameter of a function.

    >>> identifier("price.amount"), identifier("If-Match"), identifier("from")
    ('price_amount', 'if_match', 'from_')
    """
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    found = f"n{found}" if not found[:1].isalpha() else found
    return f"{found}_" if keyword.iskeyword(found) else found


def _found(document: Json) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is not None and "tus-resumable" not in _names(operation) and not _streams(operation):
                yield _operation(document, path, method, item, operation)


def _names(operation: Json) -> set[str]:
    return {str(one.get("name", "")).lower() for one in operation.get("parameters", [])}


def _streams(operation: Json) -> bool:
    return any(_STREAM in response.get("content", {}) for response in operation["responses"].values())


def _operation(document: Json, path: str, method: str, item: Json, operation: Json) -> Operation:
    declared = [resolved(document, one) for one in (*item.get("parameters", []), *operation.get("parameters", []))]
    media_type, schema = _result(operation)
    result, sparse = _full_and_sparse(schema)
    if not any(one["name"] == "fields" for one in declared):
        result, sparse = schema, None  # where `fields` is in the body, the result is one or the other
    parameters = _parameters([one for one in declared if one["in"] != "header" or one["name"].lower() not in _OWN_HEADERS])
    return Operation(
        name=identifier(operation["operationId"]),
        tag=identifier((operation.get("tags") or ["other"])[0]),
        method=method.removeprefix("x-").upper(),
        path=path,
        summary=str(operation.get("summary", operation["operationId"])).rstrip("."),
        parameters=sorted(parameters, key=lambda one: (one.place != "path", not one.required)),
        body=_body(operation),
        media_type=media_type,
        result=result,
        sparse=sparse,
        element=_element(document, result, parameters),
        keyed=any(one["in"] == "header" and one["name"].lower() == KEY for one in declared),
        deprecated=bool(operation.get("deprecated")),
    )


def _parameters(declared: Sequence[Json]) -> Sequence[Parameter]:
    """Return the parameters, of which no two have one name: the second is named by its place too."""
    taken = {"self", "body", "idempotency_key"}
    found = []
    for one in declared:
        name = identifier(one["name"])
        name = f"{name}_{one['in']}" if name in taken else name
        taken.add(name)
        required = bool(one.get("required"))
        found.append(Parameter(wire=one["name"], name=name, place=one["in"], required=required, schema=one.get("schema", {})))
    return found


def _body(operation: Json) -> Body | None:
    declared = operation.get("requestBody")
    if declared is None:
        return None
    media_type, schema = _preferred(declared["content"])
    return Body(media_type=media_type, schema=schema, needed=bool(declared.get("required")))


def _result(operation: Json) -> tuple[str | None, Json | None]:
    for status, response in sorted(operation["responses"].items()):
        if status.startswith("2"):
            content: Mapping[str, Json] = response.get("content", {})
            return _preferred(content) if content else (None, None)
    return None, None


def _preferred(content: Mapping[str, Json]) -> tuple[str, Json]:
    """Return the media type that the client uses, JSON if it is one, and its schema."""
    media_type = JSON if JSON in content else next(iter(content))
    return media_type, content[media_type].get("schema", {})


def _full_and_sparse(schema: Json | None) -> tuple[Json | None, Json | None]:
    """Return what the result is, and what it is with `fields`."""
    choices = (schema or {}).get("anyOf", [])
    names = [reference(one) or "" for one in choices]
    return (choices[0], choices[1]) if len(names) == 2 and names[1] == f"Sparse{names[0]}" else (schema, None)


def _element(document: Json, result: Json | None, parameters: Sequence[Parameter]) -> Json | None:
    name = reference(result or {})
    if name is None or not any(one.wire == "cursor" for one in parameters):
        return None
    properties = document["components"]["schemas"][name].get("properties", {})
    found: Json | None = properties.get("items", {}).get("items") if "next_cursor" in properties else None
    return found

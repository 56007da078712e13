"""Schemas of answers to `?fields=`: no member is required. With the whole schema alone, clients that generators made fail for what is left out."""

from typing import Any, Final

from api_base.interface.openapi.parameters import FIELDS, listed
from api_base.interface.openapi.schema_names import PREFIX

type Json = dict[str, Any]

_SPARSE: Final = "Sparse"


def add_sparse_schemas(document: Json) -> None:
    """Let each operation with the parameter `fields` answer with the whole schema or with its sparse one, `Sparse` before its name."""
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            if FIELDS in parameters and (content := _answer(operation)) is not None:
                sparse = _sparse(content["schema"], schemas)
                content["schema"] = {"anyOf": [content["schema"], sparse]}
                names = list(_row(sparse, schemas)["properties"])
                parameters[parameters.index(FIELDS)] = {**FIELDS, "schema": listed(names)}
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def _answer(operation: Json) -> Json | None:
    """Return the content of the success, unless it has no schema of the components, such as one that may be null."""
    for status, response in operation["responses"].items():
        content: Json = response.get("content", {}).get("application/json", {})
        if status.startswith("2") and "$ref" in content.get("schema", {}):
            return content
    return None


def _sparse(reference: Json, schemas: Json) -> Json:
    """Return the reference to the sparse schema of another, which is made if it is the first."""
    name = reference["$ref"].removeprefix(PREFIX)
    sparse = f"{_SPARSE}{name}"
    if sparse not in schemas:
        whole = schemas[name]
        if _is_page(name, whole):  # its rows are sparse
            items = whole["properties"]["items"]
            items = {**items, "items": _sparse(items["items"], schemas)}
            schemas[sparse] = {**whole, "title": sparse, "properties": {**whole["properties"], "items": items}}
        else:
            schemas[sparse] = {name: value for name, value in whole.items() if name != "required"} | {"title": sparse}
    return {"$ref": f"{PREFIX}{sparse}"}


def _row(reference: Json, schemas: Json) -> Json:
    """Return the schema of a row of a page, or of the resource itself."""
    name = reference["$ref"].removeprefix(PREFIX)
    schema: Json = schemas[name]
    return _row(schema["properties"]["items"]["items"], schemas) if _is_page(name, schema) else schema


def _is_page(name: str, schema: Json) -> bool:
    return name.endswith("Page") and schema["properties"].keys() >= {"items", "total"}

"""Names and titles of the document's schemas, from which generators make the names of classes.

FastAPI names `Page[ItemDTO]` `Page_ItemDTO_`, and gives each page the title `Page`: generators that name classes by titles then make one of all.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

type Json = dict[str, Any]

PREFIX: Final = "#/components/schemas/"
"""What references to schemas begin with."""
_GENERIC: Final = re.compile(r"(?P<generic>[A-Za-z]+)_(?P<inner>\w+)_")


def rename_schemas(document: Json) -> None:
    """Give each schema a name without punctuation, `ItemPage`, and its name as the title; and leave out what says nothing: anything or null."""
    schemas = document["components"]["schemas"]
    names = {name: _plain(name) for name in schemas}
    taken = list(names.values())
    names = {name: new if taken.count(new) == 1 else name for name, new in names.items()}
    for one in list(_objects(document)):
        reference = one.get("$ref")
        if isinstance(reference, str) and reference.startswith(PREFIX):
            one["$ref"] = PREFIX + names.get(reference.removeprefix(PREFIX), reference.removeprefix(PREFIX))
        either = one.get("anyOf")
        if isinstance(either, list) and {} in either:  # a property may have the name anyOf, too
            del one["anyOf"]
    document["components"]["schemas"] = {
        new: schema | {"title": new} if schema else schema
        for new, schema in sorted((names[name], schema) for name, schema in schemas.items())
    }


def name_bodies(document: Json) -> None:
    """Move each described object that a request body contains to the components, under its title. Generators invent names for those that stay."""
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content.get("schema", {})
                name = schema.get("title", "")
                if "properties" in schema and re.fullmatch(r"\w+", name) and schemas.setdefault(name, schema) == schema:
                    content["schema"] = {"$ref": f"{PREFIX}{name}"}


def _plain(name: str) -> str:
    """Return `ItemPage` for `Page_ItemDTO_`, and other names as they are."""
    found = _GENERIC.fullmatch(name)
    return name if found is None else _plain(found["inner"]).removesuffix("DTO").replace("_", "") + found["generic"]


def _objects(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from _objects(one)

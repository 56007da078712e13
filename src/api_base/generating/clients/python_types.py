"""The schemas of an OpenAPI document as types of Python: what JSON decodes to, so that what a later version adds breaks nothing."""

import json
import keyword
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from api_base.generating.clients.document import Json, class_name, reference

_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
MODELS: Final = "models"
"""The module of the types, by which other modules name them."""
HEADER: Final = '''"""The values of requests and responses, as JSON decodes to them: identifiers, times and amounts are strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

'''


def models(document: Json, bodies: Mapping[str, Json]) -> str:
    """Return the module of the types of a document. `bodies` are schemas without a name, by the names that they get."""
    schemas = {**document.get("components", {}).get("schemas", {}), **bodies}
    return HEADER + "\n\n".join(_definition(class_name(name), schema) for name, schema in sorted(schemas.items())) + "\n"


def type_of(schema: Json, prefix: str = "") -> str:
    """Return the type of a schema. `prefix` stands before the names of others."""
    if (name := reference(schema)) is not None:
        return prefix + class_name(name)
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(one) for one in schema['enum'])}]"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(dict.fromkeys(type_of(one, prefix) for one in schema[choice]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(dict.fromkeys(type_of({**schema, "type": one}, prefix) for one in kind))
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}), prefix)}]"
    if kind == "object":
        return _mapping(schema, prefix)
    return _SIMPLE.get(str(kind), "Any")


def _mapping(schema: Json, prefix: str) -> str:
    """Return the type of an object without a name. With few names of members, these are those of its keys, as in the filters of lists."""
    properties: Json = schema.get("properties", {})
    if properties:
        return keyed(properties, prefix)
    rest = schema.get("additionalProperties", True)
    return f"dict[str, {type_of(rest, prefix) if isinstance(rest, dict) else 'Any'}]"


def keyed(properties: Json, prefix: str, *others: str) -> str:
    """Return the type of a mapping whose keys are the names of `properties`. `others` are types that its values may have as well."""
    values = dict.fromkeys([*(type_of(one, prefix) for one in properties.values()), *others])
    return f"Mapping[Literal[{', '.join(repr(one) for one in properties)}], {' | '.join(values)}]"


def quoted(text: str) -> str:
    """Return a text as a docstring may contain it."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def _definition(name: str, schema: Json) -> str:
    if schema.get("type") != "object" or not schema.get("properties"):
        return f'{name}: TypeAlias = "{type_of(schema)}"\n' if "enum" not in schema else f"{name}: TypeAlias = {type_of(schema)}\n"
    required = set(schema.get("required", ()))
    members = {member: _member(one, required=member in required) for member, one in schema["properties"].items()}
    if all(member.isidentifier() and not keyword.iskeyword(member) and not member.startswith("__") for member in members):
        return "\n".join([f"class {name}(TypedDict):", *_docstring(schema), *(f"    {one}: {kind}" for one, kind in members.items()), ""])
    listed = ", ".join(f"{json.dumps(member)}: {json.dumps(kind)}" for member, kind in members.items())
    return f"{name} = TypedDict({json.dumps(name)}, {{{listed}}})\n"


def _member(schema: Any, *, required: bool) -> str:
    kind = type_of(schema)
    return kind if required else f"NotRequired[{kind}]"


def _docstring(schema: Json) -> Iterator[str]:
    text = quoted(" ".join(str(schema.get("description", "")).split()))
    if text:
        text = text if text.endswith(".") else f"{text}."
        lines = textwrap.wrap(text, 110)
        if len(lines) == 1 and len(lines[0]) < 107:
            yield f'    """{lines[0]}"""'
        else:
            yield f'    """{lines[0]}'
            yield from (f"    {line}" for line in lines[1:])
            yield '    """'
        yield ""

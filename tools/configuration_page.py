"""docs/configuration.md, from the fields of `Settings`: a section of the page for each section of the settings."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

INTRODUCTION: Final = """\
# Configuration

Every variable, from the environment or a file `.env` in the working directory; the environment wins. All problems of a configuration
are reported at once, by variable name, and nothing starts. `api-base doctor` shows the effective configuration, secrets as asterisks.

Lists are JSON: `SERVER__CORS_ORIGINS='["https://app.example.com"]'`. Paths are relative to the working directory.

*Made from the code by `make docs`; change the descriptions there.*
"""
HEADING: Final = "| variable | type | default | what it is |\n|---|---|---|---|"

NAMES: Final = {str: "text", int: "integer", float: "number", bool: "`true` or `false`", Path: "path", SecretStr: "secret text"}
BOUNDS: Final = {
    "ge": "≥ {}",
    "gt": "> {}",
    "le": "≤ {}",
    "lt": "< {}",
    "min_length": "length ≥ {}",
    "max_length": "length ≤ {}",
    "pattern": "`{}`",
}


def page(settings: type[BaseModel]) -> str:
    """The page in Markdown. Raises `KeyError` for a field of a type that nobody has named yet."""
    sections = {name: field for name, field in settings.model_fields.items() if _is_section(field)}
    alone = {name: field for name, field in settings.model_fields.items() if name not in sections}
    parts = [INTRODUCTION, _table("", alone)]
    for name, field in sections.items():
        prefix = f"{name.upper()}__"
        parts.append(f"## `{prefix}…`\n\n{field.description}\n\n{_table(prefix, field.annotation.model_fields)}")
    return "\n".join(parts)


def fields(settings: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field with its variable, sections included under the name of their prefix."""
    for name, field in settings.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        yield variable, field
        if _is_section(field):
            yield from fields(field.annotation, f"{variable}__")


def _is_section(field: FieldInfo) -> bool:
    return inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)


def _table(prefix: str, members: dict[str, FieldInfo]) -> str:
    rows = [
        "".join(
            f"| {cell.replace('|', '\\|')} "
            for cell in (f"`{prefix}{name.upper()}`", _type(field), _default(field), field.description or "")
        )
        for name, field in members.items()
    ]
    return "\n".join([HEADING, *(f"{row}|" for row in rows)]) + "\n"


def _type(field: FieldInfo) -> str:
    return ", ".join([_named(field.annotation), *_bounds(field)])


def _named(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is UnionType:
        return " or ".join(_named(one) for one in arguments if one is not NoneType)
    if origin is tuple:
        return f"list of {_named(arguments[0])}"
    return NAMES[annotation]


def _bounds(field: FieldInfo) -> Iterator[str]:
    for constraint in field.metadata:
        for name, wording in BOUNDS.items():
            if (value := getattr(constraint, name, None)) is not None:
                yield wording.format(value)


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{value if isinstance(value, str | Path) else json.dumps(value)}`"

"""docs/configuration.md, from the fields of `Settings`: a section of the page for each section of the settings, those of contexts included."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from api_base.core.config.sources import section_of, variables

INTRODUCTION: Final = """\
# Configuration

Set these variables in the environment, or in a file `.env` in the working directory; the environment takes precedence. At start, all
problems of the configuration are reported together, one sentence per variable, and nothing starts. `api-base doctor` prints the effective
configuration with secrets masked.

- **Lists** are values separated by commas, `SERVER__CORS_ORIGINS=https://app.example.com,https://admin.example.com`, or a JSON array,
  `SERVER__CORS_ORIGINS='["https://app.example.com"]'`.
- **An empty value** means that the variable is not set, so `${X:-}` of compose works.
- **Names** end in the unit: `_SECONDS`, `_DAYS`, `_BYTES`. Credentials are part of a service's URL, for every service.
- **A section's bare name** (`MAIL`, `SERVER`, `DATABASE`) is never read: shells and platforms set such variables for other programs.
- **Paths** are relative to the working directory.

*Generated from the code by `make docs`; edit the descriptions there. `api-base configuration` prints this page with the settings of your own contexts.*
"""
HEADING: Final = "| variable | type | default | meaning |\n|---|---|---|---|"

NAMES: Final[Mapping[object, str]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "secret text",
}
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
    """Return the page in Markdown."""
    alone = [(name.upper(), field) for name, field in settings.model_fields.items() if section_of(field) is None]
    parts = [INTRODUCTION, _table(alone)]
    for name, field in settings.model_fields.items():
        prefix, section = f"{name.upper()}__", section_of(field)
        if section is not None:
            parts.append(f"## `{prefix}…`\n\n{_description(field)}\n\n{_table(variables(section, prefix))}")
    return "\n".join(parts)


def _description(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def fields(settings: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field with its variable; a section has the name of its prefix."""
    for name, field in settings.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        yield variable, field
        if (section := section_of(field)) is not None:
            yield from fields(section, f"{variable}__")


def _table(members: Iterable[tuple[str, FieldInfo]]) -> str:
    rows = [
        "".join(f"| {cell.replace('|', '\\|')} " for cell in (f"`{variable}`", _type(field), _default(field), _description(field)))
        for variable, field in members
    ]
    return "\n".join([HEADING, *(f"{row}|" for row in rows)]) + "\n"


def _type(field: FieldInfo) -> str:
    return ", ".join([_named(field.annotation), *_bounds(field)])


def _named(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _named(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (UnionType, Union):
        return " or ".join(_named(one) for one in arguments if one is not NoneType)
    if origin is tuple:
        return f"list of {_named(arguments[0])}"
    return NAMES.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _bounds(field: FieldInfo) -> Iterator[str]:
    for constraint in field.metadata:
        for name, wording in BOUNDS.items():
            if (value := getattr(constraint, name, None)) is not None:
                yield wording.format(value)


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "computed"
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{value if isinstance(value, str | Path) else json.dumps(value, default=str)}`"

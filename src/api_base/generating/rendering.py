"""Fills in the templates. A place is written `@@{name}`: `$`, `%` and braces mean something in the files that are written."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Final

TEMPLATES: Final = files("api_base.generating") / "templates"
SUFFIX: Final = ".template"


class _Places(Template):
    delimiter = "@@"


def rendered(template: Traversable, **values: str) -> str:
    """Return the text of a template with `values`. Raises `KeyError` for a place without value."""
    return _Places(template.read_text(encoding="utf-8")).substitute(values)

"""Reads `__init__.pyi` of the package, which lists the public names and the module of each."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2]


@cache
def places() -> Mapping[str, str]:
    """Return the module of each public name, in the order of the list."""
    listed = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body
    imports = [node for node in listed if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"{PACKAGE.name}.{node.module}" for node in imports for alias in node.names}

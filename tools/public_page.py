"""The page of the public surface: each name with its module and the first sentence of its docstring."""

import ast
import inspect
import re
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import Final

import api_base
from api_base.core.shared.public_names import places

HEAD: Final = """# Public names

`from api_base import Context` imports each of these names at its first use. Only these names are public: everything else may move between two
versions. A change of this list is in the [changelog](../CHANGELOG.md).

| name | module | what it is |
|---|---|---|
"""
SENTENCE: Final = re.compile(r"(?s)(.*?\.)(?:\s+[A-Z`]|\s*$)")
"""The text up to the first full stop before a new sentence or the end."""


def page() -> str:
    """The page, as `make docs` writes it."""
    return HEAD + "".join(
        f"| `{name}` | `{module.partition('.')[2]}` | {description(name, module)} |\n" for name, module in places().items()
    )


def description(name: str, module: str) -> str:
    """The first sentence of the docstring: of a class, function or module, or the string that follows an assignment. Empty without one."""
    value = getattr(api_base, name)
    if isinstance(value, ModuleType) or inspect.isclass(value) or inspect.isfunction(value):
        text = inspect.cleandoc(value.__doc__ or "")
    else:
        text = _after_assignment(name, module)
    return first_sentence(text).replace("|", "\\|")


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line; its first paragraph, if no sentence ends there."""
    paragraph = text.partition("\n\n")[0]
    sentence = SENTENCE.match(paragraph)
    return " ".join((sentence[1] if sentence else paragraph).split())


def _after_assignment(name: str, module: str) -> str:
    """The string that follows the assignment of `name`, where it is made."""
    body = ast.parse(inspect.getsource(import_module(module))).body
    for node, following in pairwise(body):
        if isinstance(node, ast.ImportFrom) and node.module and name in (alias.name for alias in node.names):
            return _after_assignment(name, node.module)
        if _assigned(node) == name and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return inspect.cleandoc(str(following.value.value))
    return ""


def _assigned(node: ast.stmt) -> str | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) | ast.TypeAlias(name=ast.Name(id=name)):
            return name
        case _:
            return None

"""Writes Python as `ruff format` does: a call on one line where it fits, otherwise each argument on a line of its own."""

import ast
import json
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 88
"""The default of ruff. What fits here, or is broken here, stays so with longer lines."""
_DEFAULTS: Final = {"Column": ("nullable", True), "create_index": ("unique", False)}
"""What Alembic writes though it is the default."""
_INDENT: Final = "    "


def formatted(statements: Sequence[str], *, depth: int = 1) -> str:
    """Return the statements, each a call, at a depth of indentation; the first line has none, as in a template."""
    return f"\n{_INDENT * depth}".join(_broken(ast.parse(one, mode="eval").body, depth) for one in statements)


def names_in(statements: Sequence[str]) -> set[str]:
    """Return the names that the statements use."""
    return {node.id for one in statements for node in ast.walk(ast.parse(one)) if isinstance(node, ast.Name)}


def _broken(node: ast.expr, depth: int, *, after: int = 0) -> str:
    """`after` is the number of characters beside the expression on its line."""
    flat = _flat(node)
    if len(_INDENT * depth) + len(flat) + after <= WIDTH or not isinstance(node, ast.Call | ast.List):
        return flat
    inside = _INDENT * (depth + 1)
    if isinstance(node, ast.List):
        parts = [_broken(one, depth + 1, after=1) for one in node.elts]
        return "[\n" + "".join(f"{inside}{part},\n" for part in parts) + f"{_INDENT * depth}]"
    parts = [_broken(one, depth + 1, after=1) for one in node.args]
    parts += [f"{one.arg}={_broken(one.value, depth + 1, after=len(str(one.arg)) + 2)}" for one in _keywords(node)]
    return f"{_flat(node.func)}(\n" + "".join(f"{inside}{part},\n" for part in parts) + f"{_INDENT * depth})"


def _flat(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str() as text):
            return repr(text) if '"' in text and "'" not in text else json.dumps(text, ensure_ascii=False)
        case ast.Call():
            arguments = [_flat(one) for one in node.args] + [f"{one.arg}={_flat(one.value)}" for one in _keywords(node)]
            return f"{_flat(node.func)}({', '.join(arguments)})"
        case ast.List():
            return f"[{', '.join(_flat(one) for one in node.elts)}]"
        case ast.Tuple():
            return f"({', '.join(_flat(one) for one in node.elts)}{',' if len(node.elts) == 1 else ''})"
        case ast.Attribute():
            return f"{_flat(node.value)}.{node.attr}"
    return ast.unparse(node)


def _keywords(node: ast.Call) -> list[ast.keyword]:
    """Without those that only repeat a default."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    default = _DEFAULTS.get(called)
    return [one for one in node.keywords if default is None or (one.arg, getattr(one.value, "value", None)) != default]

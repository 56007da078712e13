"""The English sentences of the source: what is written where errors are raised, found by the syntax tree."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import api_base
from api_base.core import errors
from api_base.core.types import Language
from api_base.interface.errors.handlers import PROBLEMS
from api_base.interface.errors.translation import Catalogue, catalogue_of

SOURCE: Final = Path(api_base.__path__[0])
VALUE: Final = re.compile(r"\{[^{}]*\}")


def portuguese() -> Catalogue:
    return catalogue_of(Language.PT)


def skeleton(sentence: str) -> str:
    """Return the sentence with `{}` for each value."""
    return VALUE.sub("{}", sentence)


def strings(path: Path) -> Iterator[str]:
    """Yield every string of a module, with `{}` for each value."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) not in docstrings | parts and isinstance(node, ast.Constant | ast.JoinedStr):
            yield from (skeleton(one) for one in texts(node))


def texts(node: ast.expr) -> list[str]:
    """Return the texts that an expression can have: a string, either side of a condition, or two strings together."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            found = [""]
            for value in values:
                inner = ["{}"] if isinstance(value, ast.FormattedValue) else texts(value)
                found = [before + after for before in found for after in inner]
            return found
        case ast.IfExp(body=body, orelse=orelse):
            return [*texts(body), *texts(orelse)]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [before + after for before in texts(left) for after in texts(right)]
        case ast.Constant():
            return []
    return ["{}"]


def refusals() -> set[str]:
    """Return the names of the errors that have a problem."""
    for module in pkgutil.walk_packages(api_base.__path__, "api_base."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return {one.__name__ for one in _below(errors.ApiBaseError) if any(base in PROBLEMS for base in one.__mro__)}


def _below(cls: type[Exception]) -> Iterator[type[Exception]]:
    for one in cls.__subclasses__():
        yield one
        yield from _below(one)


def raised(path: Path, names: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every sentence that a module gives to one of the errors `names`."""
    tree = ast.parse(path.read_text("utf-8"))
    within = {id(node): cls.name for cls in ast.walk(tree) if isinstance(cls, ast.ClassDef) for node in ast.walk(cls)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _error(node.func, within.get(id(node), "")) in names:
            given = [*node.args, *(one.value for one in node.keywords if one.arg in {None, "message"})]
            yield from ((node.lineno, text) for one in given for text in texts(one) if " " in text and text.strip("{} "))


def _error(called: ast.expr, cls: str) -> str:
    match called:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=name), attr="of"):
            return name
        case ast.Attribute(value=ast.Attribute(attr=name), attr="of"):
            return name
        case ast.Attribute(attr="__init__"):
            return cls
        case ast.Attribute(attr=name):
            return name
    return ""

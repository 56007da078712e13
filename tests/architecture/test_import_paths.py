"""Each symbol has one import path: the package that lists it in `__all__`, or else the module that defines it.

Inside that package modules import each other directly, since the package is still being initialized then.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import api_base

SOURCE: Final = Path(api_base.__path__[0]).parent
ROOT: Final = "api_base"


class Symbol(NamedTuple):
    """`module` defines `name`, or imports it from outside the base."""

    module: str
    name: str


class Import(NamedTuple):
    importer: str
    module: str
    name: str
    alias: str


def _name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES: Final = {_name_of(path): ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}
PACKAGES: Final = {_name_of(path) for path in SOURCE.rglob("__init__.py")}


def _imports() -> Iterator[Import]:
    for importer, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == ROOT:
                for name in node.names:
                    if f"{node.module}.{name.name}" not in TREES:
                        yield Import(importer, node.module, name.name, name.asname or name.name)


IMPORTS: Final = list(_imports())
ORIGINS: Final[Mapping[Symbol, Symbol]] = {Symbol(one.importer, one.alias): Symbol(one.module, one.name) for one in IMPORTS}


def _origin(symbol: Symbol) -> Symbol:
    while symbol in ORIGINS:
        symbol = ORIGINS[symbol]
    return symbol


def _exported(tree: ast.Module) -> list[str]:
    lists = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    return [name for one in lists for name in ast.literal_eval(one)]


def _re_exports() -> Mapping[Symbol, list[str]]:
    """The modules that export a symbol which another module defines."""
    found = defaultdict(list)
    for module, tree in TREES.items():
        for name in _exported(tree):
            origin = _origin(Symbol(module, name))
            if origin.module != module:
                found[origin].append(module)
    return found


RE_EXPORTS: Final = _re_exports()


def _path(importer: str, symbol: Symbol) -> str:
    """Where `importer` has to import `symbol` from."""
    for face in RE_EXPORTS.get(symbol, ()):
        package = face if face in PACKAGES else face.rpartition(".")[0]
        if importer != package and not importer.startswith(f"{package}."):
            return face
    return symbol.module


def test_no_symbol_is_exported_by_two_packages() -> None:
    assert {symbol: modules for symbol, modules in RE_EXPORTS.items() if len(modules) > 1} == {}


def test_every_symbol_is_imported_from_one_path() -> None:
    assert len(IMPORTS) > 1000
    wrong = [
        f"{one.importer} imports {one.name} from {one.module}: the path is {wanted}"
        for one in IMPORTS
        if one.module != (wanted := _path(one.importer, _origin(Symbol(one.module, one.name))))
    ]
    assert wrong == []

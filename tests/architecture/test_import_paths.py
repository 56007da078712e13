"""Each symbol has one import path: the package that lists it in `__all__`, or else the module that defines it.

Inside that package modules import each other directly, since the package is still being initialized then.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

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


class Tree:
    """The imports of every module of the base. It is parsed for the tests here only: collecting tests takes long enough."""

    def __init__(self) -> None:
        self._modules = {_name_of(path): ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}
        self._packages = {_name_of(path) for path in SOURCE.rglob("__init__.py")}
        self.imports = list(self._imports())
        self._origins = {Symbol(one.importer, one.alias): Symbol(one.module, one.name) for one in self.imports}
        self.re_exports = self._re_exports()

    def origin(self, symbol: Symbol) -> Symbol:
        while symbol in self._origins:
            symbol = self._origins[symbol]
        return symbol

    def path(self, importer: str, symbol: Symbol) -> str:
        """Where `importer` has to import `symbol` from."""
        for face in self.re_exports.get(symbol, ()):
            package = face if face in self._packages else face.rpartition(".")[0]
            if importer != package and not importer.startswith(f"{package}."):
                return face
        return symbol.module

    def _imports(self) -> Iterator[Import]:
        for importer, tree in self._modules.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == ROOT:
                    for name in node.names:
                        if f"{node.module}.{name.name}" not in self._modules:
                            yield Import(importer, node.module, name.name, name.asname or name.name)

    def _re_exports(self) -> Mapping[Symbol, list[str]]:
        """The modules that export a symbol which another module defines."""
        found = defaultdict(list)
        for module, tree in self._modules.items():
            for name in _exported(tree):
                origin = self.origin(Symbol(module, name))
                if origin.module != module:
                    found[origin].append(module)
        return found


def _exported(tree: ast.Module) -> list[str]:
    lists = [node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    return [name for one in lists for name in ast.literal_eval(one)]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree()


def test_no_symbol_is_exported_by_two_packages(tree: Tree) -> None:
    assert {symbol: modules for symbol, modules in tree.re_exports.items() if len(modules) > 1} == {}


def test_every_symbol_is_imported_from_one_path(tree: Tree) -> None:
    assert len(tree.imports) > 1000
    wrong = [
        f"{one.importer} imports {one.name} from {one.module}: the path is {wanted}"
        for one in tree.imports
        if one.module != (wanted := tree.path(one.importer, tree.origin(Symbol(one.module, one.name))))
    ]
    assert wrong == []

"""What a package outside builds on is documented, and names the errors that it raises.

A method need not repeat what a class above it says of the same name.
"""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, Final

from tests.architecture.modules import MODULES

PUBLIC: Final = (
    "api_base.core",
    "api_base.domain.common",
    "api_base.application.common",
    "api_base.bootstrap.application",
    "api_base.bootstrap.context",
    "api_base.bootstrap.contexts",
    "api_base.bootstrap.worker",
    "api_base.serving.worker",
    "api_base.infrastructure.db",
    "api_base.interface.errors",
    "api_base.interface.listing",
    "api_base.interface.routes",
    "api_base.interface.v1.bodies.base",
    "api_base.cli",
    "api_base.main",
)
"""What the contexts of others import, and the commands that their operators run."""

PUBLIC_MODULES: Final = [module for module in MODULES if f"{module.__name__}.".startswith(tuple(f"{name}." for name in PUBLIC))]


def members(owner: ModuleType | type) -> dict[str, Any]:
    """The public classes and functions that are defined in `owner` itself; of a property, its getter."""
    found = {name: value.fget if isinstance(value, property) else getattr(value, "__func__", value) for name, value in vars(owner).items()}
    here = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("_") and isinstance(value, FunctionType | type) and value.__module__ == here
    }


def said(value: Any) -> str:
    """The docstring that somebody wrote: a dataclass makes its own from the signature."""
    written = value.__doc__ or ""
    return "" if isinstance(value, type) and written.startswith(f"{value.__name__}(") else written


def undocumented(module: ModuleType) -> Iterator[str]:
    for name, value in members(module).items():
        if not said(value):
            yield name
        for method in members(value) if isinstance(value, type) else ():
            if not any(said(members(cls)[method]) for cls in value.__mro__ if method in members(cls)):
                yield f"{name}.{method}"


def functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, value in members(module).items():
        if isinstance(value, type):
            yield from ((f"{name}.{method}", function) for method, function in members(value).items() if isinstance(function, FunctionType))
        else:
            yield name, value


def raised(function: Callable[..., Any]) -> set[str]:
    """The errors that a function raises in lines of its own, by name; what it passes on is not looked for."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    waiting, found = list(ast.iter_child_nodes(definition)), set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            found.add(ast.unparse(error).rpartition(".")[2])
        waiting += ast.iter_child_nodes(node)
    scope = {**vars(builtins), **inspect.getmodule(function).__dict__}
    return {name for name in found if isinstance(scope.get(name), type) and issubclass(scope[name], Exception)}


def test_every_module_states_its_policy() -> None:
    silent = [module.__name__ for module in MODULES if not module.__doc__]
    assert silent == [], "say in one to five lines what policy each of these modules implements"


def test_what_others_build_on_is_documented() -> None:
    missing = [f"{module.__name__}.{name}" for module in PUBLIC_MODULES for name in undocumented(module)]
    assert missing == [], "say what each of these means: units, errors, and the source where there is one"


def test_what_is_raised_is_named() -> None:
    silent = [
        f"{module.__name__}.{name}: {error}"
        for module in PUBLIC_MODULES
        for name, function in functions(module)
        for error in sorted(raised(function))
        if error not in (function.__doc__ or "")
    ]
    assert silent == [], "name in each of these docstrings the error that the function raises"

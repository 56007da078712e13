"""Imports of libraries that others use if they are installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def without(module: str) -> Iterator[None]:
    """Let imports of `module` fail in the block, unless it has been imported: for a library that does without it, and would only take its memory."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)  # None makes an import fail: the reference of the import system
    if module in modules:
        yield
        return
    modules[module] = None
    try:
        yield
    finally:
        del modules[module]

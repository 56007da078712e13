"""Imports of libraries without packages that they use if these are installed: what nothing here needs is paid for at each start otherwise."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Let imports of `packages` fail within the block, but for those that are imported already."""
    hidden = [package for package in packages if package not in sys.modules]
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules.update(dict.fromkeys(hidden))  # None refuses an import [Python's reference, section 5.3.1]
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]

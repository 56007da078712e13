"""Every module of the package, imported, but for `__main__`, which would run."""

import importlib
import pkgutil
from typing import Final

import api_base

MODULES: Final = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(api_base.__path__, "api_base.")
    if not found.name.endswith(".__main__")
]

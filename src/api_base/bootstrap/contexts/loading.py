"""The contexts of an application: those that come with the base, without `CONTEXTS_DISABLED`, and those that `CONTEXTS` names."""

import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.core.shared.places import raised_at

BASE_REQUIRES: Final = frozenset({"users", "tenants", "auth"})
"""The contexts in whose tables the base finds the caller of each request, and what the caller may do (bootstrap/access.py)."""


def contexts_of(settings: Settings) -> tuple[Sequence[Context], Sequence[str]]:
    """Return the contexts of the application, and an error message for each that cannot be loaded or left out."""
    loaded = [load_contexts(name) for name in settings.contexts]
    added, problems = (
        [one for found in loaded if not isinstance(found, str) for one in found],
        [one for one in loaded if isinstance(one, str)],
    )
    contexts = [*(one for one in BUILT_IN if one.name not in settings.contexts_disabled), *added]
    return contexts, [*problems, *_left_out_wrongly(settings.contexts_disabled, contexts), *_missing(settings, contexts)]


def _left_out_wrongly(disabled: Sequence[str], contexts: Sequence[Context]) -> Iterator[str]:
    known = [context.name for context in BUILT_IN]
    for name in disabled:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            yield f"CONTEXTS_DISABLED: {name!r} is not a built-in context. Write {close[0] if close else ', '.join(known)}."
            continue
        requiring = [context.name for context in contexts if name in context.requires]
        if name in BASE_REQUIRES:
            more = f", and {_listed(requiring)} it" if requiring else ""
            yield f"CONTEXTS_DISABLED: {name!r} cannot be left out: the base finds the caller of each request there{more}. Remove it."
        elif requiring:
            yield (
                f"CONTEXTS_DISABLED: {name!r} cannot be left out: {_listed(requiring)} it. "
                f"Remove it, or leave out {' and '.join(requiring)} as well."
            )


def _missing(settings: Settings, contexts: Sequence[Context]) -> Iterator[str]:
    names = {context.name for context in contexts}
    for context in contexts:
        for name in context.requires:
            if name not in names and name not in settings.contexts_disabled:
                yield f"CONTEXTS: the context {context.name!r} requires the context {name!r}, which is not loaded. Add package.module:ATTRIBUTE of it."


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last} require" if others else f"{last} requires"


def load_contexts(name: str) -> Sequence[Context] | str:
    """Return the context, or all of a sequence of contexts, that `name` leads to, or an error message."""
    path, _, attribute = name.partition(":")
    try:
        module = import_module(path)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if path != missing and not path.startswith(f"{missing}."):
            return _raised(name, path, error)
        return f"CONTEXTS: {name!r} cannot be imported: {_not_found(missing)}"
    except Exception as error:  # raised by the code of the context
        return _raised(name, path, error)
    found: object = getattr(module, attribute, None)
    if isinstance(found, Context):
        return [found]
    if isinstance(found, list | tuple) and all(isinstance(one, Context) for one in found):
        return found
    if attribute in vars(module):
        return f"CONTEXTS: {name!r} must be a Context or a tuple of them, not {type(found).__name__}.{_instead(module)}"
    return f"CONTEXTS: {name!r} cannot be imported: {module.__file__ or path} defines no {attribute!r}.{_instead(module)}"


def _not_found(module: str) -> str:
    package, _, last = module.rpartition(".")
    if package:
        return f"the package {package!r} ({_folder(package)}) has no module {last!r}. Write package.module:ATTRIBUTE."
    return (
        f"there is no package {module!r} in the environment {sys.prefix} and in PYTHONPATH. "
        "Install it there (uv pip install --editable FOLDER), or correct the name."
    )


def _folder(package: str) -> str:
    return next(iter(getattr(sys.modules.get(package), "__path__", ())), "not a folder")


def _instead(module: ModuleType) -> str:
    names = [name for name, one in vars(module).items() if isinstance(one, Context)]
    return f" Write {' or '.join(f'{module.__name__}:{name}' for name in names)}." if names else f" {module.__name__} defines no Context."


def _raised(name: str, module: str, error: Exception) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"CONTEXTS: {name!r} cannot be imported. {raised_at(error, module)}: {type(error).__name__}: {said.rstrip('.')}."

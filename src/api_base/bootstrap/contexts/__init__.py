"""The contexts that come with the base, as values, and those that the settings add."""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts.audit import AUDIT
from api_base.bootstrap.contexts.auth import AUTH
from api_base.bootstrap.contexts.files import FILES
from api_base.bootstrap.contexts.flags import FLAGS
from api_base.bootstrap.contexts.items import ITEMS
from api_base.bootstrap.contexts.jobs import JOBS
from api_base.bootstrap.contexts.ofrep import OFREP
from api_base.bootstrap.contexts.search import SEARCH
from api_base.bootstrap.contexts.tenants import TENANTS
from api_base.bootstrap.contexts.users import USERS
from api_base.core.config import Settings
from api_base.core.shared.places import raised_at

BUILT_IN: Final[Sequence[Context]] = (USERS, TENANTS, AUTH, ITEMS, FILES, AUDIT, JOBS, FLAGS, OFREP, SEARCH)
"""The contexts that come with the base."""


def contexts_of(settings: Settings) -> tuple[Sequence[Context], Sequence[str]]:
    """Return the built-in contexts and those that `CONTEXTS` names, and an error message for each named context that cannot be loaded."""
    loaded = [_load(name) for name in settings.contexts]
    added, problems = [one for one in loaded if isinstance(one, Context)], [one for one in loaded if isinstance(one, str)]
    return [*BUILT_IN, *added], problems


def _load(name: str) -> Context | str:
    module, _, attribute = name.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        return f"CONTEXTS: {name!r} cannot be imported: {error}. Write package.module:ATTRIBUTE."
    except Exception as error:  # raised by the code of the context
        return f"CONTEXTS: {name!r} cannot be imported. {raised_at(error, module)}: {type(error).__name__}: {error}"
    if not isinstance(found, Context):
        return f"CONTEXTS: {name!r} must be a Context, not {type(found).__name__}."
    return found

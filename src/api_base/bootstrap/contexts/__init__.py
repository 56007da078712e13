"""The contexts that come with the base, as values, and those that the settings add."""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts.audit import AUDIT
from api_base.bootstrap.contexts.auth import AUTH
from api_base.bootstrap.contexts.items import ITEMS
from api_base.bootstrap.contexts.jobs import JOBS
from api_base.bootstrap.contexts.tenants import TENANTS
from api_base.bootstrap.contexts.users import USERS
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError

BUILT_IN: Final[Sequence[Context]] = (USERS, TENANTS, AUTH, ITEMS, AUDIT, JOBS)


def contexts_of(settings: Settings) -> list[Context]:
    """The built-in contexts and those named by CONTEXTS. Raises `ConfigurationError` for one that cannot be had."""
    return [*BUILT_IN, *(_named(name) for name in settings.contexts)]


def _named(name: str) -> Context:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"CONTEXTS: {name!r} cannot be imported: {error}. Write package.module:ATTRIBUTE.") from None
    if not isinstance(found, Context):
        raise ConfigurationError(f"CONTEXTS: {name!r} is no Context but {type(found).__name__}")
    return found

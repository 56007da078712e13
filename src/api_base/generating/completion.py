"""What completes staged code: the check of its wiring, and its revision by `migrate new --auto`. Everything here imports the copy in place of the project."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import invalidate_caches

from api_base.bootstrap import migrations
from api_base.bootstrap.configuration import load
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build
from api_base.core.base import DomainEvent
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, WiringError
from api_base.generating.staging import Staging
from api_base.serving.resolving import database


def complete(staging: Staging, *, revision_of: str | None) -> None:
    """Write the revision of the context `revision_of`, and refuse staged code with faults in its wiring. Raises `ConfigurationError`."""
    try:
        with _imported(staging) as (settings, contexts):
            if revision_of is not None:
                with database(settings) as urls:
                    migrations.auto(settings, urls, revision_of, None, contexts)
            build(settings, contexts).refuse_faults()
    except (ConfigurationError, WiringError) as error:
        raise ConfigurationError(f"Nothing in the project was changed. {error}".replace(f"{staging.folder}/", "")) from error
    staging.format_revisions()


def published_events(staging: Staging) -> Mapping[str, type[DomainEvent]]:
    """Return the events of all contexts of the application, by name."""
    with _imported(staging) as (_, contexts):
        return _events(contexts)


def application_events() -> Mapping[str, type[DomainEvent]]:
    """Return the events of all contexts of the application as it is installed, by name. Raises `ConfigurationError`."""
    return _events(load()[1])


def _events(contexts: Sequence[Context]) -> Mapping[str, type[DomainEvent]]:
    return {event.name: event for context in contexts for event in context.events}


@contextmanager
def _imported(staging: Staging) -> Iterator[tuple[Settings, Sequence[Context]]]:
    """Import the contexts as they are in the copy now, which was imported before if something was looked up in it."""
    for name in [one for one in sys.modules if one.partition(".")[0] == staging.package]:
        del sys.modules[name]
    invalidate_caches()
    source = str(staging.source)
    sys.path.insert(0, source)  # before the project itself, which is installed to be edited
    try:
        yield load()
    finally:
        sys.path.remove(source)

"""Removes a context permanently: a built-in one that is left out, or one of your own that is no longer in `CONTEXTS`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import left_out
from api_base.bootstrap.contexts.loading import load_contexts
from api_base.bootstrap.services import build
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.embedded import Urls

if TYPE_CHECKING:
    from api_base.infrastructure.db.migrations.forgetting import Part, Remains


def absent_context(name: str, contexts: Sequence[Context]) -> Context:
    """Return the context of this name, which the application leaves out; one of your own is named as in `CONTEXTS`: `package.module:ATTRIBUTE`.

    Raises `ConfigurationError` for one that is in use, or that cannot be found.
    """
    found = _own(name) if ":" in name else next((one for one in left_out(contexts) if one.name == name), name)
    used = {one.name for one in contexts}
    wanted = found if isinstance(found, str) else found.name
    if wanted in used:
        raise ConfigurationError(
            f"The context {wanted!r} is in use, so nothing of it was dropped. Leave it out first: add it to CONTEXTS_DISABLED, or take one of "
            "your own out of CONTEXTS, and restart every process."
        )
    if isinstance(found, str):
        names = ", ".join(one.name for one in left_out(contexts)) or "none"
        raise ConfigurationError(
            f"No context {name!r} is left out. Left out: {names}. Write package.module:ATTRIBUTE for one of your own that is not in CONTEXTS."
        )
    return found


def _own(name: str) -> Context:
    """Return the one context that `package.module:ATTRIBUTE` names."""
    found = load_contexts(name)
    if isinstance(found, str):
        raise ConfigurationError(found.removeprefix("CONTEXTS: "))
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise ConfigurationError(f"{name} names not one context, but {names}. Write package.module:ATTRIBUTE of the one to forget.")
    return found[0]


def remains(settings: Settings, urls: Urls, context: Context, contexts: Sequence[Context]) -> "Remains":
    """Return what the database has of `context`. Raises `Unavailable`, and `ConfigurationError` while revisions of others depend on it.

    Raises `WiringError` if the other `contexts` cannot work without it, for example because of a subscription to one of its events.
    """
    build(settings, contexts).refuse_faults()
    migrator = migrations.migrator(settings, urls, contexts, [context])
    return asyncio.run(migrator.remains(part(settings, context, contexts), settings.jobs.keep_days))


def forget(settings: Settings, urls: Urls, context: Context, contexts: Sequence[Context]) -> None:
    """Remove it, in one transaction. Raises as `remains` does, and `ConfigurationError` while foreign keys of other tables refer to its tables."""
    migrator = migrations.migrator(settings, urls, contexts, [context])
    asyncio.run(migrator.forget(part(settings, context, contexts), settings.jobs.keep_days))


def part(settings: Settings, context: Context, contexts: Sequence[Context]) -> "Part":
    """Return what `context` declares, by name, for its removal from a database of `contexts`."""
    from api_base.infrastructure.db.migrations.forgetting import Part  # Alembic costs a start 0.1 s

    subscriptions = build(settings, [*contexts, context]).declarations.parts[-1].subscriptions
    return Part(
        name=context.name,
        tables=[table.name for table in context.tables],
        jobs=[job.name for job in (*context.jobs, *(one.job for one in context.importable))],
        schedules=[one.name for one in context.schedules],
        subscriptions=[one.name for one in subscriptions if isinstance(one, DurableSubscription)],
        indexes=[one.definition.name for one in context.search_indexes],
    )

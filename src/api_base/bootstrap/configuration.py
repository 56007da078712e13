"""Loads settings and contexts, and reports everything that is wrong with both together."""

from collections.abc import Sequence

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts.loading import contexts_of
from api_base.bootstrap.sections import sectioned
from api_base.bootstrap.selections import select
from api_base.core.config import Problems, Settings, read_settings
from api_base.core.shared.least_privilege import Kind


def load(kind: Kind | None = None) -> tuple[Settings, Sequence[Context]]:
    """Read the environment and `.env` for a process of this `kind`, by default for one that may use all, and import the contexts. Raises `ConfigurationError` with every problem, one per line."""
    settings, problems = read_settings(kind)
    contexts, missing = contexts_of(settings)
    settings, sections = sectioned(settings, contexts)
    _, selected = select(settings, [context.adapters for context in contexts])
    Problems((*problems.invalid, *sections.invalid, *missing, *selected.invalid), (*problems.unsafe, *selected.unsafe)).raise_any()
    return settings, contexts

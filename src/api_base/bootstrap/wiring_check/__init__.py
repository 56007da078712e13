"""The check of what contexts declare: every mistake that would otherwise fail a request, found before the first one.

Each module checks one subject and yields a `Fault` for each mistake, with the file and line of the declaration and what to write instead.
"""

from collections.abc import Iterator

from api_base.bootstrap.declarations import Declarations
from api_base.bootstrap.wiring_check import (
    dtos,
    events,
    jobs,
    messages,
    names,
    permissions,
    public,
    sections,
    seeds,
    sentences,
    shapes,
    tables,
)
from api_base.core.errors import Fault
from api_base.infrastructure.db.session import Database


def faults(declarations: Declarations, database: Database) -> Iterator[Fault]:
    """Yield the faults of all declarations but the routes, which `routes.faults` checks. `database` knows its repositories."""
    contexts = [one.context for one in declarations.parts]
    yield from names.faults(declarations)
    yield from sections.faults(contexts)
    yield from shapes.faults(contexts)
    yield from sentences.faults(contexts)
    yield from messages.faults(declarations)
    yield from permissions.faults(declarations)
    yield from events.faults(declarations)
    yield from jobs.faults(declarations)
    yield from tables.faults(contexts, database.repositories)
    yield from public.faults(declarations)
    yield from dtos.faults(declarations)
    yield from seeds.faults(contexts)

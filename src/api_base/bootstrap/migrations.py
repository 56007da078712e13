"""Migrates the database of an application, and reports its revisions.

A built-in context that is left out keeps its tables and revisions in a database that has them. None of its revisions is run.

Every application has the branches `base`, `audit`, `events`, `idempotency`, `importing`, `realtime`, `sequences`, `tasks` and `text_search`, whatever its contexts. All functions run their own
event loop: call them from outside one.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import left_out
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, Fault, WiringError
from api_base.infrastructure import audit, events, idempotency, importing, realtime, sequences, tasks, text_search
from api_base.infrastructure.audit.tables import METADATA as AUDIT
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revision_files import Revision
from api_base.infrastructure.db.migrations.revisions import BASE, Branch, chain, closure, heads_of, plain_connection, read, stored_heads
from api_base.infrastructure.db.migrations.roles import Roles, user_of
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.schema import DeclaredTable
from api_base.infrastructure.db.session import check_server
from api_base.infrastructure.db.table_check import SQL, TableCheck
from api_base.infrastructure.events.tables import METADATA as EVENTS
from api_base.infrastructure.idempotency.tables import METADATA as IDEMPOTENCY
from api_base.infrastructure.importing.tables import METADATA as IMPORTING
from api_base.infrastructure.realtime.tables import METADATA as REALTIME
from api_base.infrastructure.sequences.tables import METADATA as SEQUENCES
from api_base.infrastructure.tasks.tables import METADATA as TASKS
from api_base.infrastructure.text_search.tables import METADATA as TEXT_SEARCH

if TYPE_CHECKING:
    from api_base.infrastructure.db.migrations.comparison import DeclaredSchema
    from api_base.infrastructure.db.migrations.runner import Migrator

_MAX_NAME_LENGTH: Final = 28
"""An id has 32 characters: `help_desk_001`."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,27}")
OWN: Final = [
    Branch(name=package.__name__.rpartition(".")[2], folder=Path(package.__path__[0]) / "migrations")
    for package in (audit, events, idempotency, importing, realtime, sequences, tasks, text_search)
]
"""The branches of the base itself."""
OWN_TABLES: Final[Sequence[DeclaredTable]] = [
    table
    for metadata in (AUDIT, EVENTS, IDEMPOTENCY, IMPORTING, REALTIME, SEQUENCES, TASKS, TEXT_SEARCH)
    for table in metadata.tables.values()
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStatus:
    """The applied head of a context, its head on disk, and the pending revisions between them. A head is None without any revision."""

    context: str
    current: str | None
    head: str | None
    pending: tuple[str, ...]


def branches(contexts: Sequence[Context]) -> list[Branch]:
    """Return the branches of an application. Raises `WiringError` for migrations of a context whose name no revision can have, or a branch of the base has."""
    own, added = [BASE, *OWN], [context for context in contexts if context.migrations is not None]
    names = {branch.name for branch in own}
    misnamed = [
        Fault(
            context.declared_at,
            f"The context {context.name!r} has migrations, whose ids begin with its name. Rename it: up to {_MAX_NAME_LENGTH} lower-case letters, "
            "digits and underscores that begin with a letter, such as help_desk.",
        )
        for context in added
        if not _NAME.fullmatch(context.name)
    ]
    taken = [
        Fault(
            context.declared_at,
            f"The context {context.name!r} has migrations, but {context.name} is a branch of the base's own revisions. Rename the context.",
        )
        for context in added
        if context.name in names
    ]
    if faults := [*misnamed, *taken]:
        raise WiringError(faults)
    return [*own, *_branches_of(added)]


def _branches_of(contexts: Sequence[Context]) -> list[Branch]:
    return [Branch(name=context.name, folder=context.migrations) for context in contexts if context.migrations is not None]


def _revisions(contexts: Sequence[Context]) -> tuple[dict[str, Revision], dict[str, Revision]]:
    """Return the revisions of the application, and those that its database may have: with the built-in contexts that it leaves out."""
    own, absent = branches(contexts), _branches_of(left_out(contexts))
    return (revisions := read(own)), read([*own, *absent]) if absent else revisions


def up(settings: Settings, urls: Urls, contexts: Sequence[Context]) -> list[str]:
    """Bring the database to the head of every context and return the ids of the revisions applied, in order.

    Any number of processes may call it simultaneously: one migrates, the others wait and find nothing pending.
    Raises `Unavailable` when a lock times out, `ConfigurationError` when the roles or the revisions cannot work, or when the tables would not
    be as the contexts declare them.
    """
    return asyncio.run(migrator(settings, urls, contexts).up())


def down(settings: Settings, urls: Urls, context: str, steps: int = 1, *, contexts: Sequence[Context]) -> list[str]:
    """Undo the last `steps` revisions of `context` and return their ids. Raises `ConfigurationError` when other contexts depend on them."""
    return asyncio.run(migrator(settings, urls, contexts).down(context, steps))


def status(urls: Urls, contexts: Sequence[Context]) -> list[BranchStatus]:
    """Return the status of each context. Raises `Unavailable`, and `ConfigurationError` for a database from before 0.1.0."""
    revisions, known = _revisions(contexts)
    applied = closure(asyncio.run(stored_heads(urls.owner)), known)
    return [_status(branch, [r.id for r in chain(revisions.values(), branch.name)], applied) for branch in branches(contexts)]


def at_head(urls: Urls, contexts: Sequence[Context]) -> bool:
    """Return whether no revision is pending. Two queries as the role `app`, without loading Alembic.

    Raises `Unavailable`, and `ConfigurationError` for a database from before 0.1.0, and when nothing is pending but the tables are not as the
    contexts declare them.
    """
    return asyncio.run(_at_head(urls, contexts))


async def _at_head(urls: Urls, contexts: Sequence[Context]) -> bool:
    async with plain_connection(urls.direct) as connection:
        return await complete(connection, urls, contexts)


async def complete(connection: Connection, urls: Urls, contexts: Sequence[Context]) -> bool:
    """Return whether no revision is pending. Raises as `at_head` does."""
    (revisions, known), heads = _revisions(contexts), await heads_of(connection)
    if not closure(heads, known) >= revisions.keys():
        return False
    await check_server(connection)
    check = table_check(urls, contexts)
    rows = await connection.fetch(SQL, *check.arguments)
    check.refuse(rows, undeclared=heads <= known.keys())  # a newer version may have added tables
    return True


def tables(contexts: Sequence[Context]) -> list[DeclaredTable]:
    """Return the tables of an application with `contexts`."""
    return [*OWN_TABLES, *(table for context in contexts for table in context.tables)]


def table_check(urls: Urls, contexts: Sequence[Context]) -> TableCheck:
    """Return the check of those tables, for the roles of `urls`."""
    names = [table.name for context in left_out(contexts) for table in context.tables]
    return TableCheck(tables(contexts), app=user_of(urls.app), worker=user_of(urls.worker), left_out=names)


def new(context: str, message: str, contexts: Sequence[Context]) -> Path:
    """Write the next revision of `context` into the package that owns it and return the file. Needs no database."""
    from api_base.infrastructure.db.migrations.writer import write  # Alembic costs a start 0.1 s

    return write(branches(contexts), context, message)


def auto(settings: Settings, urls: Urls, context: str, message: str | None, contexts: Sequence[Context]) -> Path | None:
    """Write the revision of `context` that makes the database as its tables and lists are declared; None if nothing is to do.

    Raises `ConfigurationError` while revisions of the context are pending, and for a column that it cannot fill, and `WiringError` with the faults of
    the contexts, but for the folder that the first revision makes.
    """
    from api_base.infrastructure.db.migrations.comparison import difference  # Alembic costs a start 0.1 s
    from api_base.infrastructure.db.migrations.writer import branch_of, write_difference

    declared = branches(contexts)
    branch_of(declared, context)
    if pending := [id for one in status(urls, contexts) if one.context == context for id in one.pending]:
        raise ConfigurationError(
            f"Nothing was written, because {', '.join(pending)} of {context} is not applied, and the tables are compared with those of the "
            "database. Run `api-base migrate up`, then try again."
        )
    found = asyncio.run(migrator(settings, urls, contexts).inspect(partial(difference, declared=_schema(settings, context, contexts))))
    return write_difference(declared, context, message, found)


def _schema(settings: Settings, name: str, contexts: Sequence[Context]) -> "DeclaredSchema":
    from api_base.bootstrap.services import build  # which imports this module's callers
    from api_base.bootstrap.wiring_check.tables import without_migrations
    from api_base.infrastructure.db.migrations.comparison import DeclaredSchema

    services = build(settings, contexts)  # keeps the lists
    expected = [fault for context in contexts for fault in without_migrations(context)]
    if refused := [fault for fault in services.declarations.faults if fault not in expected]:
        raise WiringError(refused)
    database = services.container.database
    return DeclaredSchema(
        tables=[table for context in contexts if context.name == name for table in context.tables],
        everything=tables(contexts),
        lists=[one for one in database.lists if isinstance(one, PageBuilder)],
        defaults=dict(pair for one in database.repositories if isinstance(one, SqlRepository) for pair in one.mapping.defaults.items()),
    )


def migrator(settings: Settings, urls: Urls, contexts: Sequence[Context], absent: Sequence[Context] = ()) -> "Migrator":
    """Return what migrates the database. It also knows the revisions of built-in contexts that are left out, and of those that are `absent`."""
    from api_base.infrastructure.db.migrations.runner import MigrationTimeouts, Migrator  # Alembic costs a start 0.1 s

    return Migrator(
        dsn=urls.owner,
        roles=Roles(app=user_of(urls.app), worker=user_of(urls.worker), search=settings.database.search_role),
        branches=branches(contexts),
        left_out=_branches_of(list({context.name: context for context in (*left_out(contexts), *absent)}.values())),
        timeouts=MigrationTimeouts(lock_timeout=settings.database.migration_lock_timeout_seconds),
        check=table_check(urls, contexts),
    )


def _status(branch: Branch, line: list[str], applied: set[str]) -> BranchStatus:
    done = [id for id in line if id in applied]
    return BranchStatus(
        context=branch.name,
        current=done[-1] if done else None,
        head=line[-1] if line else None,
        pending=tuple(id for id in line if id not in applied),
    )

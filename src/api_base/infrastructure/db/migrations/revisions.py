"""Reads revisions from disk without importing them or Alembic, and the revisions of a database, so that a start can check cheaply whether any is
pending.

Branches are linear: each has one root and one head. A database has the revisions that its stored heads name, and all their ancestors.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import asyncpg

from api_base.core.errors import ConfigurationError, Fault, WiringError
from api_base.infrastructure.db.connecting import Connection, check_version
from api_base.infrastructure.db.errors import CONNECTION_ERRORS, unreachable
from api_base.infrastructure.db.migrations.revision_files import Revision, read_file

_BEFORE_0_1_0: Final = re.compile(r"\w+_0\d{3}")
"""Revision ids had four digits before 0.1.0 and have three since, so the id shows which kind a revision is."""

_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The revisions of one context. `name` is their branch label; `folder` holds their files and need not exist yet."""

    name: str
    folder: Path


BASE = Branch(name="base", folder=Path(__file__).parent / "versions")
"""The branch that every context depends on."""


def read(branches: Sequence[Branch]) -> dict[str, Revision]:
    """Return all revisions by id. Raises `WiringError` with every file that is not a revision of the line of its branch."""
    found: dict[str, Revision] = {}
    faults: list[Fault] = []
    for branch in branches:
        for path in sorted(branch.folder.glob("*.py")):
            if path.name == "__init__.py":
                continue
            revision = read_file(branch.name, path)
            if isinstance(revision, Fault):
                faults.append(revision)
            elif revision.id in found:
                faults.append(
                    revision.fault(f"Two files have the revision id {revision.id}: {found[revision.id].path} and {path}. Rename one.")
                )
            else:
                found[revision.id] = revision
    faults += [
        *_dependencies(found),
        *(fault for name in dict.fromkeys(branch.name for branch in branches) for fault in _line(found, name)),
    ]
    if faults:
        raise WiringError(faults)
    return found


def _dependencies(revisions: Mapping[str, Revision]) -> Iterator[Fault]:
    for revision in revisions.values():
        if unknown := sorted(set(revision.depends_on) - revisions.keys()):
            yield revision.fault(
                f"The revision {revision.id} depends on {', '.join(unknown)}, which no context of this application brings. "
                "Add that context to CONTEXTS, take it out of CONTEXTS_DISABLED, or correct depends_on."
            )
    graph = {r.id: {r.follows, *r.depends_on} & revisions.keys() for r in revisions.values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = sorted(set(error.args[1]))
        yield revisions[circle[0]].fault(
            f"The revisions {', '.join(circle)} depend on each other in a circle. Correct their down_revision or depends_on."
        )


def _line(revisions: Mapping[str, Revision], branch: str) -> Iterator[Fault]:
    """The revisions of a branch form a single line, and the first one has the label of the branch."""
    following: dict[str | None, Revision] = {}
    for revision in [one for one in revisions.values() if one.branch == branch]:
        first = following.setdefault(revision.follows, revision)
        if first is not revision:
            yield revision.fault(
                f"The revisions {first.id} and {revision.id} both follow {revision.follows or 'nothing'}. Make one follow the other."
            )
        if revision.follows is not None and (revision.follows not in revisions or revisions[revision.follows].branch != branch):
            yield revision.fault(
                f"These revisions of {branch} follow a revision that does not exist: {revision.id}. Correct down_revision = {revision.follows!r}."
            )
        wanted = (branch,) if revision.follows is None else ()
        if revision.labels != wanted and first is revision:
            line = f"branch_labels = {wanted or None!r}"
            yield revision.fault(
                f"The revision {revision.id} has the labels {revision.labels or None!r}, but belongs to {branch}. Write {line}."
            )


def chain(revisions: Iterable[Revision], branch: str) -> list[Revision]:
    """Return the revisions of `branch`, first to last, of those that `read` returned."""
    following = {revision.follows: revision for revision in revisions if revision.branch == branch}
    line: list[Revision] = []
    while (last := line[-1].id if line else None) in following:
        line.append(following[last])
    return line


def closure(stored: Iterable[str], revisions: dict[str, Revision]) -> set[str]:
    """Return those `stored` heads that are in `revisions`, and their ancestors."""
    reached: set[str] = set()
    waiting = list(stored)
    while waiting:
        id = waiting.pop()
        if id in reached:
            continue
        reached.add(id)
        if revision := revisions.get(id):
            waiting += [*revision.depends_on, *((revision.follows,) if revision.follows else ())]
    return reached


def refuse_prerelease(stored: Iterable[str]) -> None:
    """Raise `ConfigurationError` when the database was created before 0.1.0, so this version cannot use it."""
    if old := sorted(id for id in stored if _BEFORE_0_1_0.fullmatch(id)):
        raise ConfigurationError(
            f"The database was created by a version before 0.1.0 (revisions {', '.join(old)}), which this version cannot migrate and does "
            "not change: export it with `api-base db dump FILE` (your own server: `pg_dump`), then start with an empty database (move the "
            "folder `postgres` out of DATABASE__DATA_DIR, or set the DATABASE__…URL variables to a new database)."
        )


def refuse_unknown(stored: Iterable[str], revisions: dict[str, Revision]) -> None:
    """Raise `ConfigurationError` when the database has a head that is not in `revisions`: this version cannot migrate it."""
    if unknown := sorted(set(stored) - revisions.keys()):
        raise ConfigurationError(
            f"The database has revisions that this application does not know: {', '.join(unknown)}. A newer version or an application with "
            "more contexts migrated it: run that one."
        )


async def stored_heads(dsn: str) -> set[str]:
    """Return the heads in `alembic_version`, by one query on a plain connection; empty for a database that was never migrated.

    Raises `Unavailable`, and `ConfigurationError` for a database from before 0.1.0.
    """
    async with plain_connection(dsn) as connection:
        return await heads_of(connection)


@asynccontextmanager
async def plain_connection(dsn: str) -> AsyncIterator[Connection]:
    """Open a connection for a few statements, outside any pool. Raises `Unavailable`, and `ConfigurationError` for an old PostgreSQL."""
    try:
        connection: Connection = await asyncpg.connect(dsn, timeout=_TIMEOUT, command_timeout=_TIMEOUT, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(error) from error
    try:
        check_version(connection)
        yield connection
    except TimeoutError as error:
        raise unreachable(error) from error
    except CONNECTION_ERRORS as error:
        raise unreachable(ConnectionError()) from error  # whatever the driver calls the end of a connection
    finally:
        connection.terminate()


async def heads_of(connection: Connection) -> set[str]:
    """Return the heads in `alembic_version`, as `stored_heads` does."""
    try:
        heads = {row["version_num"] for row in await connection.fetch("select version_num from public.alembic_version")}
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        return set()
    refuse_prerelease(heads)
    return heads

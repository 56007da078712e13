"""Reads revisions from disk without importing them or Alembic, and the revisions of a database, so that a start can check cheaply whether any is
pending.

Branches are linear: each has one root and one head. A database has the revisions that its stored heads name, and all their ancestors.
"""

import ast
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

import asyncpg

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.errors import unreachable

_BEFORE_0_1_0: Final = re.compile(r"\w+_0\d{3}")
"""Revision ids had four digits before 0.1.0 and have three since, so the id shows which kind a revision is."""

_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The revisions of one context. `name` is their branch label; `folder` holds their files and need not exist yet."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """`follows` is the revision before it in its branch, `depends_on` are revisions of other branches."""

    id: str
    branch: str
    follows: str | None
    depends_on: tuple[str, ...]
    path: Path


BASE = Branch(name="base", folder=Path(__file__).parent / "versions")
"""The branch that every context depends on."""


def read(branches: Sequence[Branch]) -> dict[str, Revision]:
    """Return all revisions by id.

    Raises `ConfigurationError` for a file that is not a revision, a duplicate id, and dependencies that do not exist or form a circle.
    """
    found: dict[str, Revision] = {}
    for branch in branches:
        for path in sorted(branch.folder.glob("*.py")):
            if path.name == "__init__.py":
                continue
            revision = _read_file(branch.name, path)
            if revision.id in found:
                raise ConfigurationError(f"Two files have the revision id {revision.id}: {found[revision.id].path} and {path}. Rename one.")
            found[revision.id] = revision
    _check_dependencies(found)
    return found


def _check_dependencies(revisions: Mapping[str, Revision]) -> None:
    for revision in revisions.values():
        if unknown := sorted(set(revision.depends_on) - revisions.keys()):
            raise ConfigurationError(
                f"The revision {revision.id} depends on {', '.join(unknown)}, which no context of this application brings. "
                f"Add that context to CONTEXTS, or correct depends_on in {revision.path}."
            )
    graph = {r.id: {*r.depends_on, *((r.follows,) if r.follows in revisions else ())} for r in revisions.values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise ConfigurationError(
            f"The revisions {', '.join(sorted(set(error.args[1])))} depend on each other in a circle. Correct their down_revision or depends_on."
        ) from None


def chain(revisions: Iterable[Revision], branch: str) -> list[Revision]:
    """Return the revisions of `branch`, first to last. Raises `ConfigurationError` when they do not form a single line."""
    following: dict[str | None, Revision] = {}
    own = [revision for revision in revisions if revision.branch == branch]
    for revision in own:
        if revision.follows in following:
            other = following[revision.follows].id
            raise ConfigurationError(
                f"The revisions {other} and {revision.id} both follow {revision.follows or 'nothing'}. Make one follow the other."
            )
        following[revision.follows] = revision
    line: list[Revision] = []
    while (last := line[-1].id if line else None) in following:
        line.append(following[last])
    if len(line) != len(own):
        detached = ", ".join(sorted({r.id for r in own} - {r.id for r in line}))
        raise ConfigurationError(f"These revisions of {branch} follow a revision that does not exist: {detached}. Correct down_revision.")
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


def _read_file(branch: str, path: Path) -> Revision:
    values: dict[str, Any] = {}
    for node in _statements(path):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            try:
                values[target.id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    if "revision" not in values:
        raise ConfigurationError(f"{path} is not a revision: it has no line `revision = …`. Move it out of the migrations of {branch}.")
    if not isinstance(values.get("down_revision"), str | None):
        raise ConfigurationError(
            f"{path} has several revisions as down_revision. The revisions of a context form one line: name a single one."
        )
    return Revision(
        id=values["revision"],
        branch=branch,
        follows=values.get("down_revision"),
        depends_on=_tuple(values.get("depends_on")),
        path=path,
    )


def _statements(path: Path) -> list[ast.stmt]:
    try:
        return ast.parse(path.read_text(encoding="utf-8")).body
    except SyntaxError as error:
        raise ConfigurationError(f"{path} is not Python: there is a syntax error in line {error.lineno}.") from None
    except ValueError:
        raise ConfigurationError(f"{path} is not Python: it contains bytes that are not UTF-8, or the character NUL.") from None


def _tuple(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


async def stored_heads(dsn: str) -> set[str]:
    """Return the heads in `alembic_version`, by one query on a plain connection; empty for a database that was never migrated.

    Raises `Unavailable`, and `ConfigurationError` for a database from before 0.1.0.
    """
    async with plain_connection(dsn) as connection:
        return await heads_of(connection)


@asynccontextmanager
async def plain_connection(dsn: str) -> AsyncIterator[Connection]:
    """Open a connection for a few statements, outside any pool. Raises `Unavailable`."""
    try:
        connection: Connection = await asyncpg.connect(dsn, timeout=_TIMEOUT, command_timeout=_TIMEOUT, statement_cache_size=0)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(error) from error
    try:
        yield connection
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

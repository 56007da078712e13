"""Runs Alembic in one session of the role `owner`, in one process at a time.

Each revision is a transaction of its own, so a failure keeps the revisions before it. A statement waits at most `lock_timeout` for a table,
because every other statement on the table queues behind it; then the revision is retried a few times.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from api_base.core.errors import ConfigurationError, Unavailable
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.errors import CONNECTION_ERRORS, statement_reason, unreachable
from api_base.infrastructure.db.migrations.forgetting import Part, Remains, drop, remains
from api_base.infrastructure.db.migrations.revision_files import Revision
from api_base.infrastructure.db.migrations.revisions import Branch, chain, closure, read, refuse_unknown, stored_heads
from api_base.infrastructure.db.migrations.roles import Roles
from api_base.infrastructure.db.table_check import SQL, TableCheck

logger = get_logger(__name__)

ENVIRONMENT: Final = Path(__file__).parent / "environment"
LOCK_NOT_AVAILABLE: Final = "55P03"
DEADLOCK: Final = "40P01"
INSUFFICIENT_PRIVILEGE: Final = "42501"

KEY: Final = 4_177_218_340_263_971
"""The key of the lock, a random number."""

_TAKE = sa.text(f"select pg_try_advisory_lock({KEY})")
_HELD_BY_SESSION = sa.text(
    "select exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() "
    f"and (classid::bigint << 32 | objid::bigint) = {KEY})"
)
_RETRY_INTERVAL: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationTimeouts:
    """All in seconds, except `attempts`.

    `lock_timeout` limits how long a statement waits for a lock, `wait_timeout` how long this process waits for other migrating ones.
    A revision has `attempts`, with `retry_delay` between them.
    """

    lock_timeout: float
    wait_timeout: float = 300.0
    attempts: int = 3
    retry_delay: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrator:
    """Migrates the database at `dsn` along `branches`. `dsn` is that of the role `owner`, not through a transaction pooler.

    `left_out` are branches that the application leaves out: a database may have revisions of them, and none of them is run.
    """

    dsn: str
    roles: Roles
    branches: Sequence[Branch]
    timeouts: MigrationTimeouts
    check: TableCheck
    left_out: Sequence[Branch] = ()

    async def up(self) -> list[str]:
        """Bring every branch to its head and return the ids of the revisions applied. Raises `Unavailable`, `ConfigurationError`.

        The last revision is committed only if the tables are as the application declares them.
        """
        revisions = read(self.branches)
        known = self._known() if self.left_out else revisions
        async with self._session() as connection:
            stored = await stored_heads(self.dsn)
            refuse_unknown(stored, known)
            pending = len(revisions.keys() - closure(stored, known))
            if not pending:
                await connection.run_sync(self._check)
                return []
            heads = _targets(self.branches, revisions)
            return await self._run(connection, lambda config: command.upgrade(config, heads), checked_after=pending)  # type: ignore[arg-type]  # it passes them on

    async def down(self, branch: str, steps: int) -> list[str]:
        """Undo the last `steps` revisions of `branch` and return their ids.

        Raises `ConfigurationError` when other revisions depend on them.
        """
        if branch not in (names := [one.name for one in self.branches]):
            raise ConfigurationError(f"This application has no context {branch!r} with revisions. Choose from {', '.join(sorted(names))}.")
        known = self._known()
        line = chain(known.values(), branch)
        async with self._session() as connection:
            stored = await stored_heads(self.dsn)
            refuse_unknown(stored, known)
            applied = closure(stored, known)
            _refuse_needed([r.id for r in line if r.id in applied], steps, branch, [known[id] for id in applied])
            return await self._run(connection, lambda config: command.downgrade(config, f"{branch}@-{steps}"))

    async def remains(self, part: Part, keep_days: int) -> Remains:
        """Return what the database has of the context `part`, which is left out. Raises `Unavailable`, `ConfigurationError`."""
        async with self._session() as connection:
            line = await self._undoable(part.name)
            return await connection.run_sync(remains, part, line, keep_days)

    async def forget(self, part: Part, keep_days: int) -> None:
        """Undo all revisions of `part`, which is left out, and remove its rows from the tables of others, in one transaction.

        Jobs that it cancels are kept for `keep_days`. Raises `Unavailable`, and `ConfigurationError` while other tables or revisions depend on it.
        """
        async with self._session() as connection:
            line = await self._undoable(part.name)
            await self._run(connection, partial(drop, part=part, revisions=line, keep_days=keep_days))

    async def _undoable(self, branch: str) -> list[str]:
        """Return the applied revisions of a branch, first to last. Raises `ConfigurationError` when revisions of others depend on them."""
        known = self._known()
        stored = await stored_heads(self.dsn)
        refuse_unknown(stored, known)
        applied = closure(stored, known)
        line = [r.id for r in chain(known.values(), branch) if r.id in applied]
        if line:
            _refuse_needed(line, len(line), branch, [known[id] for id in applied])
        return line

    async def inspect[T](self, read: Callable[[sa.Connection], T]) -> T:
        """Return what `read` finds in the database. Raises `Unavailable`."""
        async with self._session() as connection:
            return await connection.run_sync(read)

    def _known(self) -> dict[str, Revision]:
        """Return all revisions that a database of the application may have."""
        return read([*self.branches, *self.left_out])

    def _check(self, connection: sa.Connection) -> None:
        self.check.refuse(connection.exec_driver_sql(SQL, self.check.arguments))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection]:
        engine = create_async_engine(
            "postgresql+asyncpg://?prepared_statement_cache_size=0", async_creator=self._connect, poolclass=NullPool
        )
        async with engine.connect() as connection:
            await acquire_lock(connection, self.timeouts.wait_timeout)
            yield connection

    async def _connect(self, **_: Any) -> Connection:
        settings = {
            "application_name": "api-base-migrate",
            "lock_timeout": str(int(self.timeouts.lock_timeout * 1000)),
            "search_path": "public",
        }
        try:
            return await asyncpg.connect(self.dsn, timeout=10, statement_cache_size=0, server_settings=settings)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise unreachable(error) from error

    async def _run(self, connection: AsyncConnection, move: Callable[[Config], None], *, checked_after: int | None = None) -> list[str]:
        """`checked_after` is the number of revisions after which the tables are compared with their declarations."""
        applied: list[str] = []
        for attempt in range(1, self.timeouts.attempts + 1):
            try:
                await connection.run_sync(self._move, move, applied, checked_after)
            except DBAPIError as error:
                if _state(error) not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                    raise self._meaning(error) from error
                if attempt == self.timeouts.attempts:
                    raise self._lock_timed_out(error) from error
                logger.warning("migration_waits", statement=_short(error), attempt=attempt)
                await asyncio.sleep(self.timeouts.retry_delay * attempt)
            else:
                break
        return applied

    def _move(self, connection: sa.Connection, move: Callable[[Config], None], applied: list[str], checked_after: int | None) -> None:
        def on_applied(step: Any) -> None:
            """Alembic calls it in the transaction of the revision."""
            if len(applied) + 1 == checked_after:
                self._check(connection)
            applied.append(_id(step))

        config = configuration([*self.branches, *self.left_out])
        config.attributes |= {"connection": connection, "roles": self.roles, "tables": self.check.tables, "applied": on_applied}
        try:
            move(config)
        except CommandError as error:
            connection.rollback()
            raise ConfigurationError(
                "The table alembic_version contradicts the revisions on disk: it lists a revision together with one that it follows. "
                "Delete the older revision from the table, then run `api-base migrate up` again."
            ) from error
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def _lock_timed_out(self, error: DBAPIError) -> Unavailable:
        timeouts = self.timeouts
        return Unavailable(
            f"The migration gave up after {timeouts.attempts} attempts of {timeouts.lock_timeout:g} s, because other transactions use the "
            f"table: {_short(error)}. Earlier revisions stay applied. End the long transaction or raise "
            "DATABASE__MIGRATION_LOCK_TIMEOUT_SECONDS, then run `api-base migrate up` again."
        )

    def _meaning(self, error: DBAPIError) -> Exception:
        cause = getattr(error.orig, "__cause__", None)
        if not isinstance(cause, asyncpg.PostgresError) or isinstance(cause, CONNECTION_ERRORS):
            return Unavailable(
                "The connection to the database was lost during a migration. Earlier revisions stay applied. Run `api-base migrate up` again."
            )
        if cause.sqlstate == INSUFFICIENT_PRIVILEGE:
            return ConfigurationError(f"The role of DATABASE__OWNER_URL lacks a privilege that a migration needs: {_short(error)}.")
        return ConfigurationError(
            f"The migration failed and was rolled back: {statement_reason(cause)}. The statement is: {_short(error)}. "
            f"PostgreSQL reports {str(cause)!r}. Correct the revision, then run `api-base migrate up` again."
        )


def configuration(branches: Sequence[Branch]) -> Config:
    """Build Alembic's configuration without a file."""
    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    folders = "\n".join(str(branch.folder) for branch in branches if branch.folder.is_dir())
    config.set_main_option("version_locations", folders.replace("%", "%%"))
    return config


def _targets(branches: Sequence[Branch], revisions: dict[str, Revision]) -> tuple[str, ...]:
    """Return the heads of `branches` without those that another head depends on: Alembic refuses these together."""
    heads = [line[-1].id for branch in branches if (line := chain(revisions.values(), branch.name))]
    return tuple(head for head in heads if not any(head in closure([other], revisions) for other in heads if other != head))


def _refuse_needed(applied: list[str], steps: int, branch: str, everything: list[Revision]) -> None:
    if not 1 <= steps <= len(applied):
        raise ConfigurationError(f"{branch} has {len(applied)} applied revisions, so {steps} cannot be undone.")
    leaving = set(applied[-steps:])
    if needing := sorted({r.branch for r in everything if r.branch != branch and leaving.intersection(r.depends_on)}):
        raise ConfigurationError(f"{', '.join(needing)} depend on {', '.join(sorted(leaving))}: migrate those contexts down first.")


def _id(step: Any) -> str:
    found: str = step.up_revision_id
    return found


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _short(error: DBAPIError) -> str:
    return " ".join((error.statement or str(error.orig)).split())[:120]


async def acquire_lock(connection: AsyncConnection, seconds: float) -> None:
    """Acquire the advisory lock [PostgreSQL manual, 13.3.5] until the session of `connection` ends.

    The lock is polled. A statement that waits for it would hold a snapshot, and CREATE INDEX CONCURRENTLY in the process that has the
    lock would wait for that snapshot: a deadlock.

    Raises `Unavailable` when another process holds it for over `seconds` seconds, and `ConfigurationError` behind a transaction pooler,
    which would give the lock to another client.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not await _ask(connection, _TAKE):
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable(
                f"Another process has been migrating this database for over {seconds:g} s. Check what it waits for, then try again."
            )
        await asyncio.sleep(_RETRY_INTERVAL)
    if not await _ask(connection, _HELD_BY_SESSION):
        raise ConfigurationError("DATABASE__OWNER_URL goes through a transaction pooler. Set it to the address of the server itself.")


async def _ask(connection: AsyncConnection, question: sa.TextClause) -> bool:
    async with connection.begin():
        return bool((await connection.execute(question)).scalar_one())

"""A pool of asyncpg connections without session state: there is nothing to reset, so acquiring one costs a list pop.

Last in, first out keeps few connections warm. A connection whose state is unknown after a cancellation or a lost server is retired. Waiting is
fair and bounded: a released connection goes to the longest-waiting task, and a task that waits too long gets `Unavailable`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

from api_base.core.errors import ConfigurationError, Unavailable
from api_base.infrastructure.db.errors import unreachable, usable_after

type Connection = asyncpg.Connection[asyncpg.Record]

ENDING_SECONDS: Final = 2.0
"""Seconds for a retired connection to end its statement before it is terminated."""


OLDEST: Final = 16
"""The oldest version of PostgreSQL that works."""


def check_version(connection: Connection) -> None:
    """Raise `ConfigurationError` for a server that is too old."""
    if (version := connection.get_server_version().major) < OLDEST:
        raise ConfigurationError(f"PostgreSQL {version} is too old. Use PostgreSQL {OLDEST} or newer.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """`size` is the maximum number of connections; times are in seconds. `prepared` is false behind a transaction pooler."""

    size: int
    acquire_timeout: float
    statement_timeout: float
    prepared: bool = True


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """`open` of at most `size` connections are open, `idle` of them unused; `waiting` tasks wait for one."""

    size: int
    open: int
    idle: int
    waiting: int


class ConnectionPool:
    """A bounded pool. The application's lifespan opens and closes it."""

    def __init__(self, dsn: str, options: PoolOptions) -> None:
        self._dsn, self._options = dsn, options
        self._free: list[Connection] = []
        self._lent: set[Connection] = set()
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        """Each future receives a connection, or None as permission to open one. A permission counts as an opening connection."""
        self._opening = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = True

    async def open(self, check: Callable[[Connection], Awaitable[None]] | None = None) -> None:
        """Connect once, so that a wrong URL fails at start. `check` may refuse the connection. Raises `Unavailable`."""
        self.accept()
        connection = await self._connect()
        if check is not None:
            await check(connection)
        self._free.append(connection)

    def accept(self) -> None:
        """Open, without a connection until one is needed."""
        self._closed = False

    async def close(self, timeout: float = 10.0) -> None:
        """Close idle connections immediately and acquired ones on release; terminate the rest after `timeout` seconds."""
        self._closed = True
        while waiter := self._next_waiter():
            waiter.set_exception(_shutting_down())
        deadline = asyncio.get_running_loop().time() + timeout
        while self._lent and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for connection in (*self._free, *self._lent):
            connection.terminate()
        self._free.clear()
        self._lent.clear()
        await asyncio.gather(*self._ending)

    def figures(self) -> PoolFigures:
        """Return the current figures of the pool."""
        open_ = len(self._free) + len(self._lent)
        return PoolFigures(self._options.size, open_, len(self._free), len(self._waiters))

    async def acquire(self) -> Connection:
        """Acquire a connection for the exclusive use of the caller. Raises `Unavailable` if none becomes free in time."""
        free = self._free
        while free:
            connection = free.pop()
            if not connection.is_closed():
                self._lent.add(connection)
                return connection
        return await self._acquire_slowly()

    async def run[T](self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `use` with a connection, then release it, or retire it if its state is unknown."""
        connection = await self.acquire()
        try:
            result = await use(connection)
        except BaseException as error:
            if usable_after(error):
                self.release(connection)
            else:
                self.retire(connection)
            raise
        self.release(connection)
        return result

    def release(self, connection: Connection) -> None:
        """Return a connection in a known state to the pool."""
        if self._closed:
            self._lent.discard(connection)
            connection.terminate()
        elif waiter := self._next_waiter():
            waiter.set_result(connection)
        else:
            self._lent.discard(connection)
            self._free.append(connection)

    def retire(self, connection: Connection) -> None:
        """Discard a connection in an unknown state, and cancel its statement on the server."""
        self._lent.discard(connection)
        if not connection.is_closed():
            ending = asyncio.get_running_loop().create_task(_end(connection))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        self._offer_room()

    async def _acquire_slowly(self) -> Connection:
        if self._closed:
            raise _shutting_down()
        if len(self._lent) + self._opening < self._options.size:
            self._opening += 1
        elif connection := await self._wait():
            if not connection.is_closed():
                return connection
            self._lent.discard(connection)
            self._opening += 1
        return await self._open_one()

    async def _open_one(self) -> Connection:
        """Open the connection that `_opening` already counts."""
        try:
            connection = await self._connect()
        except BaseException:
            self._opening -= 1
            self._offer_room()
            raise
        self._opening -= 1
        self._lent.add(connection)
        return connection

    async def _wait(self) -> Connection | None:
        """Wait for a connection, or for permission to open one (None)."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(waiter, self._options.acquire_timeout)
        except TimeoutError:
            self._pass_on(waiter)
            raise Unavailable(
                f"All {self._options.size} database connections were busy for {self._options.acquire_timeout:g} s. Try again later."
            ) from None
        except asyncio.CancelledError:
            self._pass_on(waiter)
            raise

    def _pass_on(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Pass a connection that arrived at the moment of the timeout to the next waiting task."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif waiter.exception() is None:
            connection = waiter.result()
            if connection is not None:
                self.release(connection)
            else:
                self._opening -= 1
                self._offer_room()

    def _offer_room(self) -> None:
        if not self._closed and (waiter := self._next_waiter()):
            self._opening += 1
            waiter.set_result(None)

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    async def _connect(self) -> Connection:
        options = self._options
        try:
            return await asyncpg.connect(
                self._dsn,
                timeout=options.acquire_timeout,
                statement_cache_size=1024 if options.prepared else 0,
                max_cached_statement_lifetime=0,
                command_timeout=None if options.prepared else options.statement_timeout,
                server_settings=_session_settings(options),
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise unreachable(error) from error


def _session_settings(options: PoolOptions) -> dict[str, str]:
    """A transaction pooler refuses unknown parameters, so behind one the driver enforces the statement timeout."""
    if not options.prepared:
        return {"application_name": "api-base"}
    return {
        "application_name": "api-base",
        # One plan for each shape of statement. The planner's estimates do not depend on the tenant: planning for each set of values costs
        # more than most statements, and sometimes yields a plan that sorts all rows of a tenant.
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": str(int(options.statement_timeout * 1000)),
        "idle_in_transaction_session_timeout": "60000",
    }


async def _end(connection: Connection) -> None:
    """Close the connection: asyncpg asks the server to cancel the statement. Terminating alone would leave it running."""
    with contextlib.suppress(Exception):
        await connection.close(timeout=ENDING_SECONDS)


def _shutting_down() -> Unavailable:
    return Unavailable("The application is shutting down.")

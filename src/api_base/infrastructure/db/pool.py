"""A pool of asyncpg connections that carry no state: nothing to reset, so lending one costs a list pop.

Last in, first out keeps few connections warm. A connection left by a cancellation or a lost server is retired. Waiting is
bounded in time; who waits too long is told `Unavailable`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.errors import usable_after

type Connection = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """`size` connections; times in seconds. `prepared` is false behind a transaction pooler."""

    size: int
    acquire_timeout: float
    statement_timeout: float
    prepared: bool = True


@dataclass(frozen=True, slots=True)
class PoolFigures:
    size: int
    open: int
    idle: int
    waiting: int


class ConnectionPool:
    """Opened and closed by the application's lifespan. `check` looks at the first connection and may refuse it."""

    def __init__(self, dsn: str, options: PoolOptions) -> None:
        self._dsn, self._options = dsn, options
        self._free: list[Connection] = []
        self._lent: set[Connection] = set()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._opening = 0
        self._closed = True

    async def open(self, check: Callable[[Connection], Awaitable[None]] | None = None) -> None:
        """Connect once, so that a wrong URL is told at start. Raises `Unavailable`."""
        self._closed = False
        connection = await self._connect()
        if check is not None:
            await check(connection)
        self._free.append(connection)

    async def close(self, timeout: float = 10.0) -> None:
        """Close what is idle now and what is lent when it returns, for at most `timeout` seconds; then cut."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        deadline = asyncio.get_running_loop().time() + timeout
        while self._lent and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for connection in (*self._free, *self._lent):
            connection.terminate()
        self._free.clear()
        self._lent.clear()

    def figures(self) -> PoolFigures:
        open_ = len(self._free) + len(self._lent)
        return PoolFigures(self._options.size, open_, len(self._free), len(self._waiters))

    async def acquire(self) -> Connection:
        """A connection for the caller alone. Raises `Unavailable` when none comes free in time."""
        free = self._free
        while free:
            connection = free.pop()
            if not connection.is_closed():
                self._lent.add(connection)
                return connection
        return await self._acquire_slowly()

    async def run[T](self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Lend a connection to `use` for one statement, and take it back in whatever state `use` left it."""
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
        """Give a sound connection back."""
        self._lent.discard(connection)
        if self._closed:
            connection.terminate()
        else:
            self._free.append(connection)
            self._wake()

    def retire(self, connection: Connection) -> None:
        """Give up a connection whose state is not known. The server ends what it was doing."""
        self._lent.discard(connection)
        connection.terminate()
        self._wake()

    async def _acquire_slowly(self) -> Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._options.acquire_timeout
        while True:
            if self._closed:
                raise Unavailable("The application is shutting down.")
            while self._free:
                connection = self._free.pop()
                if not connection.is_closed():
                    self._lent.add(connection)
                    return connection
            if len(self._lent) + self._opening < self._options.size:
                return await self._open_one()
            await self._wait(deadline - loop.time())

    async def _open_one(self) -> Connection:
        self._opening += 1
        try:
            connection = await self._connect()
        finally:
            self._opening -= 1
            self._wake()
        self._lent.add(connection)
        return connection

    async def _wait(self, seconds: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait_for(waiter, max(seconds, 0))
        except TimeoutError:
            raise Unavailable(f"All {self._options.size} database connections were busy for {self._options.acquire_timeout:g} s.") from None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # we were called and will not come: call the next one
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _connect(self) -> Connection:
        options = self._options
        try:
            return await asyncpg.connect(
                self._dsn,
                timeout=options.acquire_timeout,
                statement_cache_size=1024 if options.prepared else 0,
                max_cached_statement_lifetime=0,
                server_settings={
                    "application_name": "api-base",
                    # One plan per shape of statement: no estimate can know the tenant, so planning anew for each set of values
                    # would cost more than most statements do, and now and then choose to sort all that a tenant has.
                    "plan_cache_mode": "force_generic_plan",
                    "statement_timeout": str(int(options.statement_timeout * 1000)),
                    "idle_in_transaction_session_timeout": "60000",
                }
                if options.prepared
                else {"application_name": "api-base"},
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Unavailable(f"The database cannot be reached: {error or type(error).__name__}") from error

"""A pool of asyncpg connections that carry no state: nothing to reset, so lending one costs a list pop.

Last in, first out keeps few connections warm. A connection left by a cancellation or a lost server is retired. Waiting is
bounded in time and in order: what comes free goes to whom has waited longest, never to who asks meanwhile. Who waits too long
is told `Unavailable`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.errors import unreachable, usable_after

type Connection = asyncpg.Connection[asyncpg.Record]

ENDING_SECONDS: Final = 2.0
"""How long a retired connection may take to end what it was doing, before it is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """`size` connections; times in seconds. `prepared` is false behind a transaction pooler."""

    size: int
    acquire_timeout: float
    statement_timeout: float
    prepared: bool = True


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """`size` connections at most, `open` now, `idle` of them; `waiting` tasks want one."""

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
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        """Each is handed a connection, or None: room to open one, which counts as opening from then on."""
        self._opening = 0
        self._ending: set[asyncio.Task[None]] = set()
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
        """The pool as it is now."""
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
        if self._closed:
            self._lent.discard(connection)
            connection.terminate()
        elif waiter := self._next_waiter():
            waiter.set_result(connection)
        else:
            self._lent.discard(connection)
            self._free.append(connection)

    def retire(self, connection: Connection) -> None:
        """Give up a connection whose state is not known. The server is told to end what it was doing."""
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
        elif connection := await self._turn():
            if not connection.is_closed():
                return connection
            self._lent.discard(connection)
            self._opening += 1
        return await self._open_one()

    async def _open_one(self) -> Connection:
        """Use the room that was taken by counting it as opening."""
        try:
            connection = await self._connect()
        except BaseException:
            self._opening -= 1
            self._offer_room()
            raise
        self._opening -= 1
        self._lent.add(connection)
        return connection

    async def _turn(self) -> Connection | None:
        """Wait for a connection, or for room to open one (None)."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(waiter, self._options.acquire_timeout)
        except TimeoutError:
            self._pass_on(waiter)
            raise Unavailable(f"All {self._options.size} database connections were busy for {self._options.acquire_timeout:g} s.") from None
        except asyncio.CancelledError:
            self._pass_on(waiter)
            raise

    def _pass_on(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Who gave up in the very moment of being served leaves it to the next."""
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
    """A transaction pooler refuses parameters that it does not know: behind one, the driver ends a statement in time."""
    if not options.prepared:
        return {"application_name": "api-base"}
    return {
        "application_name": "api-base",
        # One plan per shape of statement: no estimate can know the tenant, so planning anew for each set of values would cost
        # more than most statements do, and now and then choose to sort all that a tenant has.
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": str(int(options.statement_timeout * 1000)),
        "idle_in_transaction_session_timeout": "60000",
    }


async def _end(connection: Connection) -> None:
    """asyncpg asks the server to cancel what runs, and says goodbye; cutting alone would leave the statement running."""
    with contextlib.suppress(Exception):
        await connection.close(timeout=ENDING_SECONDS)


def _shutting_down() -> Unavailable:
    return Unavailable("The application is shutting down.")

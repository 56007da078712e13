"""A pool of asyncpg connections without session state: there is nothing to reset, so acquiring one costs a list pop.

Last in, first out keeps few connections warm. A connection whose state is unknown after a cancellation or a lost server is retired. Waiting is
fair and bounded: a released connection goes to the longest-waiting task, and a task that waits too long gets `Unavailable`.

Requests below one path, such as `/api/v1/items`, never hold the last connections (a quarter of them): while they all wait for a lock, other
requests are served.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from api_base.core.errors import Unavailable
from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_REQUEST, current_context
from api_base.infrastructure.db import heartbeat
from api_base.infrastructure.db.clock_watch import ClockWatch
from api_base.infrastructure.db.connecting import Connection, PoolOptions, connect
from api_base.infrastructure.db.errors import STORAGE_ERRORS, usable_after
from api_base.infrastructure.db.waiters import Waiters

logger = get_logger(__name__)

NEVER: Final = float("-inf")
NO_SECTION: Final = ""
"""What does not belong to a request below a path."""
ENDING_SECONDS: Final = 2.0
"""Seconds for a retired connection to end its statement before it is terminated."""


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
        self._lent: dict[Connection, str] = {}
        """With the section of the request that uses it."""
        self._waiters: Waiters[Connection | None] = Waiters(options.acquire_timeout)
        """Each receives a connection, or None as permission to open one. A permission counts as an opening connection."""
        self._opening = self._returned = 0
        self._held: dict[str, int] = {}
        """How many connections, lent or opening, the requests of a section hold."""
        self._share = options.size - max(options.size // 4, min(options.size - 1, 1))
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = True
        self._heartbeat: asyncio.Task[None] | None = None
        self.storage_failed_at = NEVER
        """When the server last could not store something, by the clock of the event loop."""

    async def open(self, check: Callable[[Connection], Awaitable[None]] | None = None) -> None:
        """Connect once, so that a wrong URL fails at start. `check` may refuse the connection. Raises `Unavailable`."""
        self.accept()
        connection = await self._connect()
        if check is not None:
            await check(connection)
        self._free.append(connection)
        self._heartbeat = asyncio.create_task(self._beat(), name="heartbeat")

    def accept(self) -> None:
        """Open, without a connection until one is needed."""
        self._closed = False

    async def close(self, timeout: float = 10.0) -> None:
        """Close idle connections immediately and acquired ones on release; terminate the rest after `timeout` seconds."""
        self._closed = True
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._waiters.refuse_all(ShuttingDown)
        deadline = asyncio.get_running_loop().time() + timeout
        while self._lent and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for connection in (*self._free, *self._lent):
            self._take_back(connection)
            connection.terminate()
        self._free.clear()
        await asyncio.gather(*self._ending)

    def figures(self) -> PoolFigures:
        """Return the current figures of the pool."""
        open_ = len(self._free) + len(self._lent)
        return PoolFigures(self._options.size, open_, len(self._free), len(self._waiters.line))

    async def acquire(self) -> Connection:
        """Acquire a connection for the exclusive use of the caller. Raises `Unavailable` if none becomes free in time."""
        free, section = self._free, _section(current_context.get(NO_REQUEST).path)
        held = self._held.get(section, 0)
        if held < self._share or section == NO_SECTION:
            while free:
                connection = free.pop()
                if not connection.is_closed():
                    self._lent[connection], self._held[section] = section, held + 1
                    return connection
        return await self._acquire_slowly(section)

    async def run[T](self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `use` with a connection, then release it, or retire it if its state is unknown."""
        connection = await self.acquire()
        try:
            result = await use(connection)
        except BaseException as error:
            self.note(error)
            if usable_after(error):
                self.release(connection)
            else:
                self.retire(connection)
            raise
        self.release(connection)
        return result

    def note(self, error: BaseException) -> None:
        """Remember the failure of the server's storage, for the health check."""
        if isinstance(error, STORAGE_ERRORS):
            self.storage_failed_at = asyncio.get_running_loop().time()

    def release(self, connection: Connection) -> None:
        """Return a connection in a known state to the pool."""
        self._returned += 1
        self._take_back(connection)
        if self._closed:
            connection.terminate()
        elif self._waiters.line and (waiter := self._waiters.next(self._admits)):
            self._lend(connection, waiter[1])
            waiter[0].set_result(connection)
        else:
            self._free.append(connection)

    def retire(self, connection: Connection) -> None:
        """Discard a connection in an unknown state, and cancel its statement on the server."""
        self._take_back(connection)
        if not connection.is_closed():
            ending = asyncio.get_running_loop().create_task(_end(connection))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        self._offer_room()

    async def _beat(self) -> None:
        returned, clock = -1, ClockWatch()
        while True:
            await asyncio.sleep(heartbeat.INTERVAL)
            lent_then = list(self._lent)
            if not self._free:
                if lent_then and self._returned == returned and not await heartbeat.connects(self._connect):
                    self._retire_silent([], lent_then)
                returned = self._returned
                continue
            connection = self._free.pop(0)
            self._lend(connection, NO_SECTION)
            try:
                answered = connection.is_closed() or await heartbeat.answers(connection, clock)
            except BaseException:
                self.retire(connection)
                raise
            if answered:
                self.release(connection)
            else:
                self._retire_silent([connection], lent_then)
                self.retire(connection)

    def _retire_silent(self, asked: Sequence[Connection], lent_then: Sequence[Connection]) -> None:
        """Discard all idle connections and those that were in use all the time. Who waits on one of them gets an error and retires it."""
        silent, self._free = [*asked, *self._free, *(one for one in lent_then if one in self._lent)], []
        logger.warning("connections_retired", reason="PostgreSQL does not answer", connections=len(silent))
        for one in silent:
            one.terminate()

    def _lend(self, connection: Connection, section: str) -> None:
        self._lent[connection] = section
        self._held[section] = self._held.get(section, 0) + 1

    def _take_back(self, connection: Connection) -> None:
        """Stop counting a connection. The shutdown may have done so already."""
        section = self._lent.pop(connection, None)
        if section is not None:
            self._let_go(section)

    def _let_go(self, section: str) -> None:
        held = self._held[section] - 1
        if held:
            self._held[section] = held
        else:
            del self._held[section]

    async def _acquire_slowly(self, section: str) -> Connection:
        if self._closed:
            raise ShuttingDown()
        if len(self._lent) + self._opening < self._options.size and self._admits(section):
            self._begin_to_open(section)
        elif connection := await self._wait(section):
            if not connection.is_closed():
                return connection
            self._take_back(connection)
            self._begin_to_open(section)
        return await self._open_one(section)

    def _begin_to_open(self, section: str) -> None:
        self._opening += 1
        self._held[section] = self._held.get(section, 0) + 1

    def _give_up_opening(self, section: str) -> None:
        self._opening -= 1
        self._let_go(section)
        self._offer_room()

    async def _open_one(self, section: str) -> Connection:
        """Open the connection that `_opening` already counts."""
        try:
            connection = await self._connect()
        except BaseException:
            self._give_up_opening(section)
            raise
        self._opening -= 1
        self._lent[connection] = section
        return connection

    def _admits(self, section: str) -> bool:
        """Return whether the requests of a section may hold one more connection. What is no request may hold all."""
        return self._held.get(section, 0) < self._share or section == NO_SECTION

    async def _connect(self) -> Connection:
        return await connect(self._dsn, self._options)

    async def _wait(self, section: str) -> Connection | None:
        """Wait for a connection, or for permission to open one (None)."""
        waiter = self._waiters.add(section)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._pass_on(waiter, section)
            raise
        finally:
            del waiter  # its error has this frame in its traceback

    def _pass_on(self, waiter: asyncio.Future[Connection | None], section: str) -> None:
        """Pass a connection that arrived at the moment of the cancellation to the next waiting task."""
        if not (self._waiters.remove(waiter) or waiter.cancelled() or waiter.exception()):
            connection = waiter.result()
            if connection is not None:
                self.release(connection)
            else:
                self._give_up_opening(section)

    def _offer_room(self) -> None:
        if not self._closed and (waiter := self._waiters.next(self._admits)):
            self._begin_to_open(waiter[1])
            waiter[0].set_result(None)


async def _end(connection: Connection) -> None:
    """Close the connection: asyncpg asks the server to cancel the statement. Terminating alone would leave it running."""
    with contextlib.suppress(Exception):
        await connection.close(timeout=ENDING_SECONDS)


def _section(path: str) -> str:
    """Return the first three segments: the version of the API and the resource. Empty outside a request."""
    return "/".join(path.split("/", 4)[:4])


class ShuttingDown(Unavailable):
    """The pool is closed, because its process ends."""

    def __init__(self) -> None:
        super().__init__("The application is shutting down.")

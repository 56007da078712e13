"""The pool on a real server: in order, whole after whatever happens to who waits or works, and no statement without an end."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from api_base.core.errors import Unavailable
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.connecting import Connection, PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.session import Database, DatabaseHealthCheck
from tests.garbage import garbage


@asynccontextmanager
async def pool(urls: Urls, size: int = 1, acquire_timeout: float = 5.0) -> AsyncIterator[ConnectionPool]:
    made = ConnectionPool(urls.app, PoolOptions(size=size, acquire_timeout=acquire_timeout, statement_timeout=20))
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.01)


async def one(connection: Connection) -> int:
    value: int = await connection.fetchval("select 1")
    return value


async def test_who_asks_again_and_again_does_not_keep_others_waiting(migrated: Urls) -> None:
    served: Counter[int] = Counter()
    async with pool(migrated) as made:

        async def ask(number: int) -> None:
            while served.total() < 200:
                await made.run(one)
                served[number] += 1

        await asyncio.gather(*(ask(number) for number in range(4)))
    assert max(served.values()) - min(served.values()) <= 1, served


async def test_who_gives_up_in_the_moment_of_being_served_leaves_it_to_the_next(migrated: Urls) -> None:
    async with pool(migrated) as made:
        held = await made.acquire()
        first = asyncio.create_task(made.acquire())
        second = asyncio.create_task(made.acquire())
        await asyncio.sleep(0)
        made.release(held)  # handed to the first, who has not run since
        first.cancel()  # asyncio's timeouts do the same
        with pytest.raises(asyncio.CancelledError):
            await first
        connection = await second
        assert made.figures().open == 1
        made.release(connection)
        assert made.figures().idle == 1


async def test_room_that_nobody_takes_goes_to_the_next(migrated: Urls) -> None:
    async with pool(migrated) as made:
        held = await made.acquire()
        waiting = [asyncio.create_task(made.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        made.retire(held)  # room for the first, who has not run since
        waiting[0].cancel()
        connection = await waiting[1]
        connection.terminate()
        made.release(connection)  # it died in use: handed on, and found dead
        made.release(await waiting[2])
        assert (made.figures().open, made.figures().waiting) == (1, 0)


async def test_who_waits_too_long_is_told_and_forgotten(migrated: Urls) -> None:
    async with pool(migrated, acquire_timeout=0.5) as made:
        held = await made.acquire()
        with pytest.raises(Unavailable, match="became free"):
            await made.acquire()
        assert made.figures().waiting == 0
        made.release(held)
        assert await made.run(one) == 1


@pytest.mark.slow
async def test_who_waits_too_long_leaves_no_garbage(migrated: Urls) -> None:
    async with pool(migrated, acquire_timeout=0.05) as made:
        held = await made.acquire()
        with garbage() as left:
            for _ in range(5):
                with suppress(Unavailable):
                    await made.acquire()
        made.release(held)
        assert left.total() < 5


async def test_closing_tells_who_waits(migrated: Urls) -> None:
    async with pool(migrated) as made:
        held = await made.acquire()
        waiting = asyncio.create_task(made.acquire())
        await asyncio.sleep(0)
        closing = asyncio.create_task(made.close())
        with pytest.raises(Unavailable, match="shutting down"):
            await waiting
        made.release(held)
        await closing
        with pytest.raises(Unavailable, match="shutting down"):
            await made.acquire()


async def test_the_server_ends_a_statement_whose_asker_was_cancelled(migrated: Urls, admin_of_migrated: str) -> None:
    admin = await asyncpg.connect(admin_of_migrated)

    async def running() -> bool:
        sql = "select exists (select from pg_stat_activity where query like 'select pg_sleep(15)%' and state = 'active')"
        return bool(await admin.fetchval(sql))

    async def ended() -> bool:
        return not await running()

    try:
        async with pool(migrated) as made:
            task = asyncio.create_task(made.run(lambda connection: connection.execute("select pg_sleep(15)")))
            await until(running)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(ended)
            assert await made.run(one) == 1
    finally:
        await admin.close()


@pytest.mark.parametrize("prepared", [True, False], ids=["by the server", "by the driver, behind a pooler"])
async def test_no_statement_goes_on_for_ever(migrated: Urls, prepared: bool) -> None:
    options = PoolOptions(size=1, acquire_timeout=5, statement_timeout=0.2, prepared=prepared)
    database = Database(migrated.app, options)
    await database.open()
    try:
        with pytest.raises(Unavailable, match="too long"):
            await database.run(lambda connection: connection.execute("select pg_sleep(15)"))
        assert await database.run(one) == 1
    finally:
        await database.close()


@pytest.mark.parametrize("size", [1, 2, 3, 8])
async def test_requests_below_one_path_leave_connections_to_others(migrated: Urls, size: int) -> None:
    """Requests of several resources hold connections for random times, some give up, some connections die: none holds more than its share."""
    chance, held, most, served = random.Random(size), Counter[str](), Counter[str](), Counter[str]()

    async def use(made: ConnectionPool, path: str) -> None:
        current_context.set(RequestContext(request_id="test", path=f"{path}/{chance.random()}"))
        connection = await made.acquire()
        held[path] += 1
        most[path] = max(most[path], held[path])
        try:
            await asyncio.sleep(chance.random() / 100)
        finally:
            held[path] -= 1
            served[path] += 1
            (made.retire if chance.random() < 0.1 else made.release)(connection)

    paths = ["/api/v1/items"] * 60 + ["/api/v1/users"] * 30 + ["/api/v2/items"] * 10
    chance.shuffle(paths)
    async with pool(migrated, size) as made:
        tasks = [asyncio.create_task(use(made, path)) for path in paths]
        await asyncio.sleep(0.01)
        given_up = [task for task in tasks[50:] if chance.random() < 0.2 and task.cancel()]
        await asyncio.wait(tasks)
        assert served.total() >= len(paths) - len(given_up)
        assert max(most.values()) == max(size - max(size // 4, 1), 1)
        assert made.figures().waiting == 0
        assert await asyncio.gather(*(made.run(one) for _ in range(size))) == [1] * size
        assert made.figures().open == made.figures().idle <= size


async def test_work_outside_requests_has_the_whole_pool(migrated: Urls) -> None:
    async with pool(migrated, 4, acquire_timeout=0.5) as made:
        for connection in [await made.acquire() for _ in range(4)]:
            made.release(connection)


async def test_a_busy_pool_does_not_fail_the_health_check(migrated: Urls) -> None:
    database = Database(migrated.app, PoolOptions(size=1, acquire_timeout=0.1, statement_timeout=20))
    await database.open()
    held = await database.pool.acquire()
    try:
        for _ in range(2):
            await DatabaseHealthCheck(database).check()
        assert database.probes.figures().open == 1
    finally:
        database.pool.release(held)
        await database.close()

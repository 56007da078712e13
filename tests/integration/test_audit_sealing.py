"""Sealing: every record once and in order, whoever commits when, whatever dies."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import Urls
from tests.audit import ONE, TWO, Audited, add, audited

WRITERS = 3
HISTORY = st.lists(st.tuples(st.integers(0, WRITERS - 1), st.sampled_from(("add", "add", "commit", "roll back", "seal"))), max_size=40)


class History:
    """Writers whose transactions stay open for as long as a history says, on a loop of their own: a property is no coroutine."""

    def __init__(self, urls: Urls, admin: str) -> None:
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        self._trail, self._writers = self._runner.run(self._open(urls, admin))

    async def _open(self, urls: Urls, admin: str) -> tuple[Audited, list[Any]]:
        return await self._stack.enter_async_context(audited(urls, admin)), [await asyncpg.connect(urls.app) for _ in range(WRITERS)]

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        for writer in self._writers:
            self._runner.run(writer.close())
        self._runner.close()

    def run(self, steps: list[tuple[int, str]]) -> None:
        self._runner.run(self._run(steps))

    async def _run(self, steps: list[tuple[int, str]]) -> None:
        for connection in self._writers:
            await connection.reset()  # of the example before, where it failed
        await self._trail.admin.execute("truncate audit, audit_seals")
        for writer, step in steps:
            await self._step(self._writers[writer], writer, step)
        for connection in self._writers:
            if connection.is_in_transaction():
                await connection.execute("commit")
        await self._trail.seal(batch=3)
        assert await self._trail.sealed() == await self._trail.recorded()
        assert await self._trail.findings(await self._trail.heads()) == []

    async def _step(self, connection: Any, writer: int, step: str) -> None:
        if step == "seal":
            await self._trail.seal(batch=3)
        elif step == "add":
            if not connection.is_in_transaction():
                await connection.execute("begin")
            await add(connection, (ONE, TWO)[writer % 2])
        elif connection.is_in_transaction():
            await connection.execute("commit" if step == "commit" else "rollback")


@pytest.fixture(scope="module")
def history(shared_migrated: Urls, postgres: Any) -> Iterator[History]:
    made = History(shared_migrated, postgres.admin_of(shared_migrated))
    yield made
    made.close()


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=HISTORY)
def test_any_history_is_sealed_completely_and_in_order(history: History, steps: list[tuple[int, str]]) -> None:
    history.run(steps)


async def test_a_transaction_that_commits_late_is_waited_for_and_holds_up_no_writer(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as trail:
        late = await asyncpg.connect(migrated.app)
        await late.execute("begin")
        first = await add(late, ONE)
        others = [await add(trail.app, ONE) for _ in range(5)]
        await trail.seal()
        assert await trail.sealed() == []
        await late.execute("commit")
        await late.close()
        await trail.seal()
        assert await trail.sealed() == [first, *others]
        assert await trail.findings() == []


async def test_sealers_at_once_make_one_chain_while_others_write(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as trail:
        writing = asyncio.gather(*(write(migrated, 40, seed) for seed in range(4)))
        while not writing.done():
            await asyncio.gather(*(trail.sealer().run() for _ in range(3)))
        await writing
        await trail.seal()
        assert len(await trail.recorded()) == 160
        assert await trail.sealed() == await trail.recorded()
        assert await trail.findings(await trail.heads()) == []


async def write(urls: Urls, count: int, seed: int) -> None:
    """`count` records in transactions of some."""
    chance, connection = random.Random(seed), await asyncpg.connect(urls.app)
    while count:
        some = min(count, chance.randint(1, 6))
        async with connection.transaction():
            for _ in range(some):
                await add(connection, chance.choice((ONE, TWO)))
        count -= some
    await connection.close()


async def test_a_sealer_killed_in_mid_batch_leaves_nothing_behind(migrated: Urls, admin_of_migrated: str) -> None:
    async with audited(migrated, admin_of_migrated) as trail:
        await trail.fill(10)
        more = [await add(trail.app, ONE) for _ in range(5)]
        await trail.admin.execute("begin; lock table audit_seals in exclusive mode")
        sealing = asyncio.ensure_future(trail.sealer().run())
        waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        while (pid := await trail.admin.fetchval(waiting)) is None:
            await trail.admin.execute("select pg_stat_clear_snapshot()")
        assert await trail.admin.fetchval("select pg_terminate_backend($1)", pid)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await sealing
        await trail.admin.execute("commit")
        assert set(more).isdisjoint(await trail.sealed())
        await trail.seal()
        assert await trail.sealed() == await trail.recorded()
        assert await trail.findings() == []


async def test_a_copy_on_a_server_that_counts_from_less_is_refused(migrated: Urls, admin_of_migrated: str) -> None:
    """Else its new records would lie below what is sealed, and never be."""
    async with audited(migrated, admin_of_migrated) as trail:
        await trail.fill(2)
        await trail.admin.execute("update audit_seals set transaction_id = transaction_id + 1000000")
        with pytest.raises(ConfigurationError, match="pg_resetwal"):
            await trail.seal()

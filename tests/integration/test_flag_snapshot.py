"""Every process serves a change of a flag within a second, whatever happens to its connections; without PostgreSQL it serves the last flags."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.application.services.feature_flags import CurrentFlags
from api_base.domain.flags.definition import FlagType
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.notifications import NotificationListener
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.flags.snapshot import MAX_INLINE_ROWS, SnapshotLoader
from api_base.infrastructure.serialization.json_codec import encode
from api_base.testing.databases import Postgres, name_of
from tests.factories.feature_flags import flag_definition

WITHIN: Final = 1.0
PATIENCE: Final = 30.0
_numbers = count(1)


@dataclass
class Process:
    """What one process has."""

    loader: SnapshotLoader
    flags: CurrentFlags
    listener: NotificationListener
    gauges: dict[str, float] = field(default_factory=dict)

    def variant(self, key: str) -> str | None:
        return self.flags.evaluate(key, FlagType.BOOLEAN, {}).variant

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds:g} s"
            await asyncio.sleep(0.005)


@asynccontextmanager
async def process(urls: Urls, *, interval: float = 0.5) -> AsyncIterator[Process]:
    """`interval` beyond the patience leaves notifications alone to announce a change."""
    database = Database(urls.app, PoolOptions(size=2, acquire_timeout=2, statement_timeout=5))
    listener = NotificationListener(urls.direct, "access_changed", lambda payload: None, lambda: None)
    gauges: dict[str, float] = {}
    flags = CurrentFlags()
    loader = SnapshotLoader(database, listener, flags, gauges.__setitem__, interval)
    opened = [database, loader, listener]
    for one in opened:
        await one.open()
    try:
        yield Process(loader, flags, listener, gauges)
    finally:
        for one in reversed(opened):
            await one.close()


@dataclass
class Flags:
    """The table, as the role that owns it."""

    owner: asyncpg.Connection

    async def add(self, **members: Any) -> str:
        key = f"flag-{next(_numbers)}"
        document = encode(flag_definition(key, **members)).decode()
        await self.owner.execute(
            "insert into flags values ($1, $2, $3, '', '', false, false, false, null, 1, now(), now())", uuid4(), key, document
        )
        return key

    async def serve(self, key: str, variant: str) -> None:
        """Change what a flag serves."""
        change = "update flags set definition = definition || jsonb_build_object('default_variant', $2::text) where key = $1"
        await self.owner.execute(change, key, variant)


class Outage:
    """The database closed to all but those who are connected as its owner."""

    def __init__(self, administrator: asyncpg.Connection, urls: Urls) -> None:
        self._administrator, self._database = administrator, name_of(urls)

    async def begin(self) -> None:
        await self._administrator.execute(f"alter database {self._database} with allow_connections false")
        ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename <> 'owner'"
        assert await self._administrator.fetch(ended, self._database)

    async def end(self) -> None:
        await self._administrator.execute(f"alter database {self._database} with allow_connections true")


@pytest.fixture
async def outage(migrated: Urls, postgres: Postgres) -> AsyncIterator[Outage]:
    administrator = await asyncpg.connect(postgres.admin)
    yield Outage(administrator, migrated)
    await administrator.close()


@pytest.fixture
async def flags(migrated: Urls) -> AsyncIterator[Flags]:
    owner = await asyncpg.connect(migrated.owner)
    yield Flags(owner)
    await owner.close()


async def test_a_process_has_the_flags_when_it_is_open(migrated: Urls, flags: Flags) -> None:
    key = await flags.add()
    async with process(migrated, interval=PATIENCE * 2) as one:
        assert one.variant(key) == "off"
        assert isinstance(one.loader.ids[key], UUID)


async def test_a_notification_alone_brings_a_change(migrated: Urls, flags: Flags) -> None:
    key = await flags.add()
    async with process(migrated, interval=PATIENCE * 2) as one:
        await one.until(lambda: one.listener.fresh_until > time.monotonic())
        await flags.serve(key, "on")
        await one.until(lambda: one.variant(key) == "on", WITHIN)


async def test_a_change_whose_notification_is_lost_is_found_within_a_second(migrated: Urls, flags: Flags) -> None:
    key = await flags.add()
    await flags.owner.execute("alter table flags disable trigger flags_changed")
    async with process(migrated) as one:
        for variant in ("on", "off", "on"):
            await flags.serve(key, variant)
            await one.until(lambda wanted=variant: one.variant(key) == wanted, WITHIN)


@pytest.mark.slow
async def test_a_change_is_seen_within_a_second_while_the_listener_s_connection_is_killed(
    migrated: Urls, flags: Flags, postgres: Postgres
) -> None:
    key = await flags.add()
    administrator = await asyncpg.connect(postgres.admin_of(migrated))
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'api-base-listener' and datname = $1"
    async with process(migrated) as one:
        await one.until(lambda: one.listener.fresh_until > time.monotonic())
        for variant in ("on", "off", "on"):
            assert await administrator.fetch(kill, name_of(migrated))
            await flags.serve(key, variant)
            await one.until(lambda wanted=variant: one.variant(key) == wanted, WITHIN)
            await one.until(lambda: one.listener.fresh_until > time.monotonic())
    await administrator.close()


async def test_without_postgresql_the_last_flags_serve_and_their_age_grows(migrated: Urls, flags: Flags, outage: Outage) -> None:
    key = await flags.add()
    async with process(migrated) as one:
        states: list[str] = []

        class Watch:
            def ready(self) -> None:
                states.append("ready")

            def stale(self, reason: str) -> None:
                states.append("stale")

            def changed(self, keys: Any) -> None:
                states.append("changed")

        one.flags.subscribe(Watch())
        await outage.begin()
        await one.until(lambda: one.gauges.get("feature_flags_age_seconds", 0) > 1)
        assert one.variant(key) == "off"
        assert states == ["stale"]
        await flags.serve(key, "on")
        await outage.end()
        await one.until(lambda: one.variant(key) == "on")
        await one.until(lambda: one.gauges["feature_flags_age_seconds"] < 1)
        assert states == ["stale", "changed", "ready"]


NESTED: Final = '{"key":' + "[" * 5000 + "]" * 5000 + "}"


@pytest.mark.parametrize("ruined", ['{"key": 1}', "[]", "null", NESTED], ids=["wrong", "a list", "null", "nested"])
async def test_a_row_that_is_not_valid_takes_nothing_else_down(migrated: Urls, flags: Flags, ruined: str) -> None:
    broken, other = await flags.add(), await flags.add()
    dependent = await flags.add(prerequisites=[{"key": broken, "variant": "on"}])
    ruin = "update flags set definition = $2 where key = $1"
    async with process(migrated) as one:
        await flags.owner.execute(ruin, broken, ruined)
        await flags.serve(other, "on")
        await one.until(lambda: one.variant(other) == "on", WITHIN)
        assert one.variant(broken) == "off", "the last valid definition of a process that had one stays"
        await one.until(lambda: one.gauges.get("feature_flags_invalid") == 1)
        async with process(migrated) as started_later:
            assert started_later.variant(other) == "on"
            assert [started_later.variant(key) for key in (broken, dependent)] == [None, None]
        await flags.owner.execute(ruin, broken, encode(flag_definition(broken, default_variant="on")).decode())
        await one.until(lambda: one.variant(broken) == "on", WITHIN)
        await one.until(lambda: one.gauges["feature_flags_invalid"] == 0)


async def test_a_cycle_in_the_database_leaves_its_flags_as_they_were_and_the_others_current(migrated: Urls, flags: Flags) -> None:
    first, second = await flags.add(), await flags.add()
    cycle = "update flags set definition = definition || jsonb_build_object('prerequisites', $2::jsonb) where key = $1"
    async with process(migrated) as one:
        async with flags.owner.transaction():
            for key, required in ((first, second), (second, first)):
                await flags.owner.execute(cycle, key, encode([{"key": required, "variant": "off"}]).decode())
        third, dependent = await flags.add(), await flags.add(prerequisites=[{"key": first, "variant": "off"}])
        await one.until(lambda: one.variant(third) == "off", WITHIN)
        await one.until(lambda: one.gauges.get("feature_flags_invalid") == 2)
        assert [one.variant(key) for key in (first, second, dependent)] == ["off"] * 3
        async with process(migrated) as started_later:
            assert started_later.variant(third) == "off"
            assert [started_later.variant(key) for key in (first, second, dependent)] == [None] * 3
            await started_later.until(lambda: started_later.gauges.get("feature_flags_invalid") == 3)
        await flags.owner.execute("update flags set definition = definition - 'prerequisites' where key = $1", first)
        await one.until(lambda: one.gauges["feature_flags_invalid"] == 0)


async def test_a_poll_without_a_change_leaves_the_snapshot(migrated: Urls, flags: Flags) -> None:
    key = await flags.add()
    async with process(migrated, interval=0.01) as one:
        snapshot = one.flags.snapshot
        for _ in range(5):
            one.gauges.clear()
            await one.until(lambda: bool(one.gauges))
        assert one.flags.snapshot is snapshot
        await flags.serve(key, "on")
        await one.until(lambda: one.flags.snapshot is not snapshot, WITHIN)


async def test_many_flags_are_built_beside_the_event_loop(migrated: Urls, flags: Flags) -> None:
    keys = [await flags.add() for _ in range(MAX_INLINE_ROWS + 1)]
    async with process(migrated) as one:
        assert {one.variant(key) for key in keys} == {"off"}
        await flags.serve(keys[-1], "on")
        await one.until(lambda: one.variant(keys[-1]) == "on", WITHIN)

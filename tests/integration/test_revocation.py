"""What a token's bearer may do is refused within a second of its end, from every process, with LISTEN cut as well."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import time_machine

from api_base.bootstrap.access import ACCESS
from api_base.core.errors import ApiBaseError, Unauthenticated
from api_base.core.protocols import TokenClaims
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.access import AccessSnapshot
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.system import SystemClock

PROCESSES = 4
WITHIN = 1.0


def permissions_of(role: str | None, platform_admin: bool) -> frozenset[str]:
    return frozenset() if role is None else frozenset({f"as:{role}"})


@asynccontextmanager
async def snapshot(urls: Urls) -> AsyncIterator[AccessSnapshot]:
    """What one server process has: a pool, a listener and a snapshot of its own."""
    database = Database(urls.app, PoolOptions(size=2, acquire_timeout=5, statement_timeout=5))
    await database.open()
    access = AccessSnapshot(database, ACCESS, permissions_of, SystemClock(), urls.direct)
    await access.listener.open()
    try:
        yield access
    finally:
        await access.listener.close()
        await database.close()


@dataclass
class World:
    """One user with a session and a membership, and a connection to change them by."""

    owner: asyncpg.Connection
    user: UUID = field(default_factory=uuid4)
    tenant: UUID = field(default_factory=uuid4)
    session: UUID = field(default_factory=uuid4)

    async def fill(self) -> None:
        now = SystemClock().now()
        await self.owner.execute(
            "insert into users values ($1, $2, 'n', 'active', 'en', null, 1, $3, $3)",
            self.user,
            f"{self.user}@example.com",
            now,
        )
        await self.owner.execute("insert into tenants values ($1, 'n', $2, false, 1, $3, $3)", self.tenant, str(self.tenant), now)
        await self.owner.execute("insert into memberships values ($1, $2, $3, 'admin', 1, $4, $4)", self.tenant, uuid4(), self.user, now)
        later = now + timedelta(days=1)
        await self.owner.execute(
            "insert into sessions values ($1, $2, $3, 'k', 1, 'd', null, null, null, 1, $4, $5, null, '', '', '', '')",
            self.user,
            self.session,
            self.tenant,
            now,
            later,
        )

    @property
    def claims(self) -> TokenClaims:
        return TokenClaims(
            user_id=UserId(self.user),
            session_id=SessionId(self.session),
            tenant_id=TenantId(self.tenant),
            expires_at=int(time.time()) + 600,
        )

    async def end_session(self) -> None:
        await self.owner.execute("update sessions set revoked_at = now() where user_id = $1", self.user)

    async def end_membership(self) -> None:
        await self.owner.execute("delete from memberships where user_id = $1", self.user)

    async def deactivate(self) -> None:
        await self.owner.execute("update users set status = 'deactivated' where id = $1", self.user)

    async def change_role(self) -> None:
        await self.owner.execute("update memberships set role = 'viewer' where user_id = $1", self.user)


@asynccontextmanager
async def world(urls: Urls) -> AsyncIterator[tuple[World, list[AccessSnapshot]]]:
    async with AsyncExitStack() as stack:
        connection = await asyncpg.connect(urls.owner)
        stack.push_async_callback(connection.close)
        made = World(connection)
        await made.fill()
        processes = [await stack.enter_async_context(snapshot(urls)) for _ in range(PROCESSES)]
        for process in processes:
            await until(lambda process=process: _fresh(process), 5)
            assert (await process.principal(made.claims)).role == "admin"
        yield made, processes


async def _fresh(process: AccessSnapshot) -> bool:
    return time.monotonic() < process.listener.fresh_until


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """Seconds until `condition` held. Fails after `seconds`."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def refused(process: AccessSnapshot, claims: TokenClaims) -> bool:
    try:
        principal = await process.principal(claims)
    except Unauthenticated:
        return True
    except ApiBaseError:
        return False
    return "as:admin" not in principal.permissions


@pytest.mark.parametrize("cut", [False, True], ids=["listening", "LISTEN cut"])
@pytest.mark.parametrize("end", ["end_session", "end_membership", "deactivate", "change_role"])
async def test_it_is_refused_everywhere_within_a_second(migrated: Urls, admin_of_migrated: str, end: str, cut: bool) -> None:
    async with world(migrated) as (made, processes):
        if cut:
            await cut_listeners(admin_of_migrated)
        await getattr(made, end)()
        took = await asyncio.gather(*(until(lambda process=process: refused(process, made.claims), WITHIN) for process in processes))
        assert max(took) < WITHIN


@pytest.mark.parametrize("cut", [False, True], ids=["listening", "LISTEN cut"])
async def test_a_changed_plan_reaches_every_process_within_a_second(migrated: Urls, admin_of_migrated: str, cut: bool) -> None:
    async def is_pro(process: AccessSnapshot, made: World) -> bool:
        return (await process.principal(made.claims)).plan == "pro"

    async with world(migrated) as (made, processes):
        assert [(await process.principal(made.claims)).plan for process in processes] == ["standard"] * PROCESSES
        if cut:
            await cut_listeners(admin_of_migrated)
        await made.owner.execute("update tenants set plan = 'pro' where id = $1", made.tenant)
        took = await asyncio.gather(*(until(lambda process=process: is_pro(process, made), WITHIN) for process in processes))
        assert max(took) < WITHIN


async def test_a_changed_plan_ends_the_entries_of_its_own_tenant_only(migrated: Urls) -> None:
    async with one_world(migrated) as made, one_world(migrated) as other, held_snapshot(migrated) as (access, database):
        database.opened.set()
        for who in (made, other):
            await access.principal(who.claims)
            await access.resolve(UserId(who.user), None)
        asked = database.asked
        await other.owner.execute("update tenants set plan = 'pro' where id = $1", other.tenant)

        async def changed() -> bool:
            return (await access.principal(other.claims)).plan == "pro"

        await until(changed, 5)
        await access.principal(made.claims)
        assert (await access.resolve(UserId(other.user), None)).plan is None
        assert database.asked == asked + 1


async def cut_listeners(admin: str) -> None:
    connection = await asyncpg.connect(admin)
    await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'api-base-listener'")
    await connection.close()


async def test_after_a_gap_the_snapshot_is_trusted_again(migrated: Urls, admin_of_migrated: str) -> None:
    async with world(migrated) as (made, processes):
        await cut_listeners(admin_of_migrated)
        await made.change_role()

        async def trusted(process: AccessSnapshot) -> bool:
            """Until the process learns that it listens no more, it is fresh with what it knew."""
            return await _fresh(process) and (await process.principal(made.claims)).role == "viewer"

        for process in processes:
            await until(lambda process=process: trusted(process), 5)


async def test_a_fresh_snapshot_asks_the_database_once(migrated: Urls) -> None:
    async with world(migrated) as (made, processes):
        await made.owner.execute("alter table users disable trigger users_access")
        await made.deactivate()
        assert (await processes[0].principal(made.claims)).role == "admin"


class HeldDatabase(Database):
    """Holds the answers of look-ups with a session back until `opened`, and counts look-ups."""

    def __init__(self, urls: Urls) -> None:
        super().__init__(urls.app, PoolOptions(size=2, acquire_timeout=5, statement_timeout=5))
        self.reached, self.opened, self.asked = asyncio.Event(), asyncio.Event(), 0

    async def fetchrow(self, statement: Statement, owner: UUID | None, **values: Any) -> Row | None:
        self.asked += 1
        row = await super().fetchrow(statement, owner, **values)
        if values["session"] is not None:
            self.reached.set()
            await self.opened.wait()
        return row


@asynccontextmanager
async def held_snapshot(urls: Urls, capacity: int = 100) -> AsyncIterator[tuple[AccessSnapshot, HeldDatabase]]:
    """A fresh snapshot whose look-ups the test holds back."""
    database = HeldDatabase(urls)
    await database.open()
    access = AccessSnapshot(database, ACCESS, permissions_of, SystemClock(), urls.direct, capacity)
    await access.listener.open()
    try:
        await until(lambda: _fresh(access), 5)
        access.listener.fresh = lambda: True  # however slow this machine is
        yield access, database
    finally:
        await access.listener.close()
        await database.close()


@asynccontextmanager
async def one_world(urls: Urls) -> AsyncIterator[World]:
    owner = await asyncpg.connect(urls.owner)
    try:
        made = World(owner)
        await made.fill()
        yield made
    finally:
        await owner.close()


async def test_a_revocation_during_the_look_up_is_not_overwritten_by_its_answer(migrated: Urls) -> None:
    async with one_world(migrated) as made, held_snapshot(migrated) as (access, database):
        looking = asyncio.create_task(access.principal(made.claims))
        await database.reached.wait()  # it has read the session, and nothing of it is cached
        await access.resolve(UserId(made.user), TenantId(made.tenant))  # cached, to see when the notification has come
        await made.end_session()
        asked = database.asked

        async def heard() -> bool:
            await access.resolve(UserId(made.user), TenantId(made.tenant))
            return database.asked > asked

        await until(heard, 5)
        database.opened.set()
        await looking  # began before the end
        with pytest.raises(Unauthenticated, match="session"):
            await access.principal(made.claims)


async def test_a_look_up_that_nothing_disturbed_is_cached_until_the_user_is_named(migrated: Urls) -> None:
    async with one_world(migrated) as made, one_world(migrated) as other, held_snapshot(migrated) as (access, database):
        database.opened.set()
        for _ in range(3):
            await access.principal(made.claims)
            await access.principal(other.claims)
        assert database.asked == 2
        await other.end_session()
        await until(lambda: refused(access, other.claims), 5)
        asked = database.asked
        await access.principal(made.claims)
        assert database.asked == asked


async def test_a_cached_session_ends_when_its_time_is_over(migrated: Urls) -> None:
    async with one_world(migrated) as made, held_snapshot(migrated) as (access, database):
        database.opened.set()
        await access.principal(made.claims)
        with time_machine.travel(time.time() + 86_400 - 60):  # fill() gave it a day
            await access.principal(made.claims)
            assert database.asked == 1
        with time_machine.travel(time.time() + 86_400 + 1), pytest.raises(Unauthenticated, match="session"):
            await access.principal(made.claims)


async def test_the_snapshot_keeps_no_more_than_its_capacity_the_newest_ones(migrated: Urls) -> None:
    async with (
        one_world(migrated) as first,
        one_world(migrated) as second,
        one_world(migrated) as third,
        held_snapshot(migrated, capacity=2) as (access, database),
    ):
        database.opened.set()
        for made in (first, second, third, third, second):
            await access.principal(made.claims)
        assert database.asked == 3
        await access.principal(first.claims)  # was the oldest, and is asked for again
        assert database.asked == 4
        await first.deactivate()
        await until(lambda: refused(access, first.claims), 5)

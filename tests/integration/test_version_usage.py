"""Who calls deprecated routes: counted by tenant and client, for operators, while the database answers and after it did not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.versions.calls import DeprecatedCalls
from api_base.core.types import NO_TENANT
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.pruner import Prune, Pruner
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.versions.calls import CallReporter, Usage, usage
from api_base.infrastructure.versions.tables import DEPRECATED_CALLS
from tests.application import Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")

ITEMS = "GET /api/v1/items"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


def reporter(api: Running, calls: DeprecatedCalls) -> CallReporter:
    return CallReporter(api.services.container.database, calls, api.services.container.clock)


@asynccontextmanager
async def working(urls: Urls) -> AsyncIterator[Database]:
    worker = Database(urls.worker, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
    await worker.open()
    try:
        yield worker
    finally:
        await worker.close()


async def found(urls: Urls, *, days: int = 30) -> list[Usage]:
    async with working(urls) as worker:
        return [*await usage(worker.pool, days, 100_000)]


async def counts(urls: Urls, *clients: str) -> set[tuple[str, UUID, str, int]]:
    """The calls of clients of one test: others use the same database."""
    return {(one.route, one.tenant, one.client, one.calls) for one in await found(urls) if one.client in clients}


async def test_each_call_is_counted_for_its_tenant_and_client_and_no_call_of_another_route(api: Running, shared_migrated: Urls) -> None:
    counted = api.app.state.services.container.deprecated_calls
    counted.take()
    ana, ben = await api.person(), await api.person()
    id = (await api.item(ana))["id"]
    counted.take()
    for person, client in ((ana, "shop/1.4 (iPhone)"), (ana, "shop/1.4"), (ben, "each/8"), (ana, "shop/1.5")):
        assert (await api.client.get("/api/v1/items", headers={**person.headers, "User-Agent": client})).status_code == 200
    assert (await api.client.get(f"/api/v1/items/{id}", headers={**ana.headers, "User-Agent": "each/8"})).status_code == 200
    assert (await api.client.get(f"/api/v1/items/{id}", headers={**ben.headers, "User-Agent": "each/8"})).status_code == 404
    assert (await api.client.get("/api/v1/items", headers={"User-Agent": "each/8"})).status_code == 401
    for path in ("/api/v2/items", "/api/v1/tenants", "/api/v1/nothing"):
        await api.client.get(path, headers={**ana.headers, "User-Agent": "each/8"})
    await reporter(api, counted).report()
    one = "GET /api/v1/items/{id}"
    assert await counts(shared_migrated, "shop/1.4", "shop/1.5", "each/8") == {
        (ITEMS, ana.tenant_id, "shop/1.4", 2), (ITEMS, ana.tenant_id, "shop/1.5", 1), (ITEMS, ben.tenant_id, "each/8", 1),
        (ITEMS, NO_TENANT, "each/8", 1), (one, ana.tenant_id, "each/8", 1), (one, ben.tenant_id, "each/8", 1),
    }  # fmt: skip


async def test_reports_of_several_processes_add_up_and_the_most_frequent_come_first(api: Running, shared_migrated: Urls) -> None:
    tenant = UUID(int=3)
    processes = [DeprecatedCalls() for _ in range(4)]
    for number, calls in enumerate(processes):
        calls.open()
        for route in ("A", "B", "C") if number % 2 else ("C", "B", "A"):
            calls.count(route, tenant, b"many/1")
    await asyncio.gather(*(reporter(api, calls).report() for calls in processes))
    rows = await found(shared_migrated, days=1)
    mine = [one for one in rows if one.client == "many/1"]
    assert [(one.route, one.calls) for one in mine] == [("A", 4), ("B", 4), ("C", 4)]
    assert [one.calls for one in rows] == sorted((one.calls for one in rows), reverse=True)


async def test_what_the_database_does_not_take_is_reported_later(api: Running, shared_migrated: Urls) -> None:
    calls = DeprecatedCalls()
    calls.open()
    calls.count("LATER", None, b"later/8")
    owner = await asyncpg.connect(shared_migrated.owner)
    try:
        await owner.execute("alter function count_deprecated_calls rename to elsewhere")
        await reporter(api, calls).report()
        await owner.execute("alter function elsewhere rename to count_deprecated_calls")
    finally:
        await owner.close()
    calls.count("LATER", None, b"later/8")
    await reporter(api, calls).report()
    assert await counts(shared_migrated, "later/8") == {("LATER", NO_TENANT, "later/8", 2)}


async def test_a_process_reports_at_its_end(shared_migrated: Urls) -> None:
    async with running(settings_on(shared_migrated)) as opened:
        assert (await opened.client.get("/api/v1/items", headers={"User-Agent": "last/1"})).status_code == 401
    assert await counts(shared_migrated, "last/1") == {(ITEMS, NO_TENANT, "last/1", 1)}


async def test_the_role_of_the_server_adds_and_reads_nothing(shared_migrated: Urls) -> None:
    app = await asyncpg.connect(shared_migrated.app)
    try:
        await app.execute("select count_deprecated_calls(now(), '{R}', array[$1::uuid], '{c/1}', '{1}')", NO_TENANT)
        for statement in ("select * from deprecated_calls", "delete from deprecated_calls", "update deprecated_calls set calls = 0"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
    finally:
        await app.close()


async def test_old_calls_are_deleted(shared_migrated: Urls) -> None:
    owner = await asyncpg.connect(shared_migrated.owner)
    try:
        await owner.execute(
            "insert into deprecated_calls values (current_date - 100, 'OLD', $1, 'c/1', 1, now() - interval '91 days')", NO_TENANT
        )
        before = await owner.fetchval("select count(*) from deprecated_calls where route <> 'OLD'")
        async with working(shared_migrated) as worker:
            await Pruner(worker, Prune(table=DEPRECATED_CALLS, ended="last_at", keep=timedelta(days=90))).run()
        assert await owner.fetchval("select count(*) from deprecated_calls where route = 'OLD'") == 0
        assert await owner.fetchval("select count(*) from deprecated_calls") == before
    finally:
        await owner.close()


async def test_a_report_waits_for_no_lock_without_end(api: Running, shared_migrated: Urls) -> None:
    calls = DeprecatedCalls()
    calls.open()
    calls.count("LOCKED", None, b"locked/8")
    owner = await asyncpg.connect(shared_migrated.owner)
    try:
        async with owner.transaction():
            await owner.execute("lock table deprecated_calls")
            async with asyncio.timeout(10):
                await reporter(api, calls).report()
        await reporter(api, calls).report()
    finally:
        await owner.close()
    assert await counts(shared_migrated, "locked/8") == {("LOCKED", NO_TENANT, "locked/8", 1)}

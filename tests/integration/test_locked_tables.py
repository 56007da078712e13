"""Another transaction locks a table: its requests get 503 in bounded time, and everything else goes on."""

import asyncio
from typing import Final

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on

BOUNDED: Final = {"pool_size": 4, "request_lock_timeout_seconds": 4.0, "acquire_timeout_seconds": 2.0}


@pytest.mark.slow
@pytest.mark.parametrize("table", ["items", "audit"])
async def test_requests_that_wait_for_a_lock_hold_up_no_other_resource(migrated: Urls, table: str) -> None:
    """Reads, lists and writes of the locked table, more than the pool has connections, beside requests that do not need it."""
    bounded = {"url": migrated.app, "worker_url": migrated.worker, "direct_url": migrated.direct} | BOUNDED
    async with running(settings_on(migrated, database=bounded)) as api:
        person = await api.person()
        item = await api.item(person)
        needs = {
            "items": [("GET", "/api/v1/items"), ("GET", f"/api/v1/items/{item['id']}"), ("DELETE", f"/api/v1/items/{item['id']}")],
            "audit": [("DELETE", f"/api/v1/items/{item['id']}"), ("GET", "/api/v1/audit")],
        }[table]
        headers = {**person.headers, "If-Match": '"v99"'}  # no attempt changes anything
        owner = await asyncpg.connect(migrated.owner)
        try:
            async with owner.transaction():
                await owner.execute(f"lock table {table}")
                stuck = [asyncio.create_task(api.client.request(*needs[i % len(needs)], headers=headers)) for i in range(12)]
                for _ in range(30):
                    others = await asyncio.wait_for(api.client.get("/api/v1/auth/me", headers=person.headers), 3.0)
                    assert others.status_code == 200, others.text
                answers = [await task for task in stuck]
        finally:
            await owner.close()
        statuses = {(answer.status_code, answer.request.method) for answer in answers}
        assert statuses <= {(503, "GET"), (503, "DELETE"), (412, "DELETE")}, statuses
        assert (503, "GET") in statuses
        assert any("locks the same rows or table" in answer.text for answer in answers)
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
        assert (await api.client.get("/api/v1/items", headers=person.headers)).status_code == 200


async def test_a_transaction_that_sends_nothing_is_ended(migrated: Urls) -> None:
    bounded = {"url": migrated.app, "worker_url": migrated.worker, "direct_url": migrated.direct, "idle_transaction_timeout_seconds": 0.2}
    async with running(settings_on(migrated, database=bounded)) as api:
        for database in (api.services.ports.database, api.services.ports.worker_database):
            if database is api.services.ports.worker_database:
                await database.open()
            connection = await database.pool.acquire()
            await connection.execute("begin")
            async with asyncio.timeout(5):
                while not connection.is_closed():
                    await asyncio.sleep(0.02)
            database.pool.retire(connection)
        await api.services.ports.worker_database.close()

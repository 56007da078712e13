"""Refusals of anonymous callers: few records whatever arrives, and no refusal uncounted."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast
from uuid import uuid4

from api_base.core.errors import AuditedRefusal
from api_base.core.types import RequestContext
from api_base.infrastructure.audit.models import AuditRecord
from api_base.infrastructure.audit.store import INTERVAL, MAX_KINDS, SqlAuditStore
from api_base.infrastructure.db.pool import Connection, ConnectionPool
from tests.http_harness import PRINCIPAL
from tests.support import FixedClock, Ids
from tests.virtual_time import in_virtual_time


class Trail:
    """Stands in for the pool and its connection: keeps the records."""

    def __init__(self) -> None:
        self.records: list[AuditRecord[str]] = []

    async def run[T](self, use: Callable[[Connection], Awaitable[T]]) -> T:
        return await use(cast("Connection", self))

    async def executemany(self, statement: str, records: Sequence[AuditRecord[str]]) -> None:
        del statement
        self.records += records

    def counted(self) -> Counter[tuple[str, str]]:
        """Refusals by address and route: one for a record, or the number in it."""
        numbers: Counter[tuple[str, str]] = Counter()
        for record in self.records:
            numbers[record.address, record.entity] += 1 if record.after is None else json.loads(record.after)["count"]
        return numbers


def store_in(trail: Trail) -> SqlAuditStore:
    return SqlAuditStore(cast("ConnectionPool", trail), Ids(), FixedClock())


async def refuse(store: SqlAuditStore, address: str = "192.0.2.1", route: str = "/items", **context: Any) -> None:
    await store.refused(RequestContext(request_id="r", address=address, **context), "GET", route, 401, None)


@in_virtual_time
async def test_anonymous_refusals_leave_two_records_for_each_address_route_and_minute() -> None:
    trail = Trail()
    store = store_in(trail)
    for address in ("192.0.2.1", "192.0.2.2"):
        for route in ("/items", "/users"):
            for _ in range(150):
                await refuse(store, address, route)
    assert len(trail.records) == 4
    await asyncio.sleep(INTERVAL + 1)
    assert len(trail.records) == 8
    assert set(trail.counted().values()) == {150}
    await refuse(store)
    assert len(trail.records) == 9, "the next minute begins again"
    await asyncio.sleep(INTERVAL + 1)
    assert len(trail.records) == 9, "a refusal that was stored is not counted again"


@in_virtual_time
async def test_memory_is_bounded_and_no_refusal_is_uncounted() -> None:
    trail = Trail()
    store = store_in(trail)
    for number in range(3 * MAX_KINDS):
        await refuse(store, f"192.0.2.{number}")
    assert len(trail.records) <= MAX_KINDS + 1
    await store.close()
    assert len(trail.records) <= MAX_KINDS + 2
    assert trail.counted().total() == 3 * MAX_KINDS


@in_virtual_time
async def test_refusals_of_a_principal_or_an_account_are_recorded_one_by_one() -> None:
    trail = Trail()
    store = store_in(trail)
    for _ in range(3):
        await refuse(store, principal=PRINCIPAL)
        refusal = AuditedRefusal("no", action="login", account=uuid4())
        await store.refused(RequestContext(request_id="r"), "POST", "/auth/login", 401, refusal)
    await store.close()
    assert len(trail.records) == 6

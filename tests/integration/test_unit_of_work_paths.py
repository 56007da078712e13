"""The one-statement path and the BEGIN … COMMIT path leave identical databases, whatever is done in whatever order."""

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Isolation
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.unit_of_work import savepoint
from tests.factories.items import NOW, item
from tests.support import Stored, act_for, stored

TENANTS = [UUID(int=1), UUID(int=2)]
SKUS = [f"S{n}" for n in range(6)]
STEPS = 120


def script(seed: int) -> list[tuple[str, UUID, str, str]]:
    """The same random operations for both paths: action, tenant, sku, name."""
    chance = random.Random(seed)
    actions = ["create", "create", "rename", "rename", "publish", "delete", "restore", "stale"]
    return [(chance.choice(actions), chance.choice(TENANTS), chance.choice(SKUS), f"name {n}") for n in range(STEPS)]


async def apply(store: Stored, step: tuple[str, UUID, str, str], *, in_transaction: bool) -> str:
    """Do one step in a unit of its own; what came of it. A savepoint makes the unit take BEGIN … COMMIT."""
    action, tenant, sku, name = step
    act_for(tenant, UUID(int=9))
    try:
        async with store.begin(Isolation.OPTIMISTIC):
            if in_transaction:
                async with savepoint():
                    await change(store, action, tenant, sku, name)
            else:
                await change(store, action, tenant, sku, name)
    except ApiBaseError as error:
        return type(error).__name__
    return "done"


async def change(store: Stored, action: str, tenant: UUID, sku: str, name: str) -> None:
    if action == "create":
        await store.items.create(item(id=uuid5(tenant, name), tenant_id=tenant, sku=sku, name=name))
        return
    found = (await store.items.by_skus([sku])).get(sku)
    if found is None:
        return
    if action == "stale":
        found.version += 1
    steps: dict[str, Callable[[], Any]] = {
        "rename": lambda: found.change(NOW, name=name),
        "stale": lambda: found.change(NOW, name=name),
        "publish": lambda: found.publish(NOW),
        "delete": lambda: found.delete(NOW),
        "restore": lambda: found.restore(NOW),
    }
    steps[action]()
    await store.items.update(found)


async def contents(urls: Urls) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that matters; ids of audit records and their order within a statement do not."""
    connection = await asyncpg.connect(urls.owner)
    columns = "tenant_id, at, actor_id, request_id, trace_id, address, action, entity, entity_id, before, after"
    try:
        items = await connection.fetch("select * from items order by tenant_id, id")
        audit = await connection.fetch(f"select {columns} from audit order by entity_id, before::text nulls first, after::text")
    finally:
        await connection.close()
    return {"items": [tuple(row) for row in items], "audit": [tuple(row) for row in audit]}


@pytest.mark.parametrize("seed", range(4))
async def test_both_paths_leave_the_same(two_migrated: tuple[Urls, Urls], seed: int) -> None:
    steps, outcomes, databases = script(seed), [], []
    for in_transaction, urls in zip((False, True), two_migrated, strict=True):
        async with stored(urls) as store:
            outcomes.append([await apply(store, step, in_transaction=in_transaction) for step in steps])
        databases.append(await contents(urls))
    assert outcomes[0] == outcomes[1]
    assert databases[0] == databases[1]
    assert {"done", "StaleVersion", "SkuTaken"} <= set(outcomes[0]), "the script did not try what it is for"

"""Batches over the bus: all or nothing, or each for itself; every operation under its own permission."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_base.application.common.batch import BatchMode, OperationRefused
from api_base.application.items.commands.batch_items import BatchItems, ItemAction, ItemOperation
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.queries import GetItem
from api_base.bootstrap.services import Services
from api_base.core.errors import Forbidden, NotFound, StaleVersion
from api_base.core.types import Err, Ok
from api_base.domain.items.errors import PriceMissing, SkuTaken
from api_base.infrastructure.db.embedded import Urls
from tests.factories.items import details
from tests.integration.test_logins_and_the_pool import services
from tests.support import act_for

ALL = frozenset({"items:read", "items:create", "items:update", "items:delete", "items:publish"})


@pytest.fixture
async def made(migrated: Urls, tmp_path: Path) -> AsyncIterator[Services]:
    async with services(migrated, tmp_path) as one:
        act_for(uuid4(), permissions=ALL)
        yield one


def create(sku: str, **changes: Any) -> ItemOperation:
    return ItemOperation(action=ItemAction.CREATE, details=lambda: details(sku=sku, **changes))


async def batch(made: Services, mode: BatchMode, *operations: ItemOperation) -> Sequence[Any]:
    return await made.bus.execute(BatchItems(operations=operations, mode=mode))


async def existing(made: Services, sku: str, **changes: Any) -> UUID:
    return (await made.bus.execute(CreateItem(details=details(sku=sku, **changes)))).id


@pytest.mark.parametrize("mode", BatchMode)
async def test_everything_that_may_be_done_to_an_item(made: Services, mode: BatchMode) -> None:
    first, second = await existing(made, "A"), await existing(made, "B")
    results = await batch(
        made,
        mode,
        create("C"),
        ItemOperation(action=ItemAction.UPDATE, id=first, expected_version=1, changes={"name": "Stool"}),
        ItemOperation(action=ItemAction.PUBLISH, id=first, expected_version=2),
        ItemOperation(action=ItemAction.ARCHIVE, id=first),
        ItemOperation(action=ItemAction.DELETE, id=second),
        ItemOperation(action=ItemAction.RESTORE, id=second),
    )
    assert all(isinstance(result, Ok) for result in results)
    item = await made.bus.execute(GetItem(id=first))
    assert (item.name, item.status, item.version) == ("Stool", "archived", 4)
    assert (await made.bus.execute(GetItem(id=second))).version == 3


async def test_each_for_itself(made: Services) -> None:
    free = await existing(made, "FREE", prices=())
    results = await batch(
        made,
        BatchMode.INDEPENDENT,
        create("A"),
        create("A"),
        ItemOperation(action=ItemAction.PUBLISH, id=free),
        ItemOperation(action=ItemAction.UPDATE, id=free, expected_version=7, changes={"name": "x"}),
        ItemOperation(action=ItemAction.DELETE, id=uuid4()),
        create("B"),
    )
    errors = [type(result.error) if isinstance(result, Err) else None for result in results]
    assert errors == [None, SkuTaken, PriceMissing, StaleVersion, NotFound, None]
    assert (await made.bus.execute(GetItem(id=results[5].value.id))).sku == "B"


async def test_all_or_nothing(made: Services) -> None:
    kept = await existing(made, "A")
    with pytest.raises(OperationRefused) as refused:
        await batch(
            made,
            BatchMode.ATOMIC,
            create("B"),
            ItemOperation(action=ItemAction.UPDATE, id=kept, changes={"name": "changed"}),
            ItemOperation(action=ItemAction.DELETE, id=uuid4()),
        )
    assert [violation.pointer for violation in refused.value.violations] == ["/operations/2"]
    assert (await made.bus.execute(GetItem(id=kept))).name == "Chair"
    with pytest.raises(OperationRefused) as invalid:
        await batch(made, BatchMode.ATOMIC, create("C"), create(" "))
    assert [violation.pointer for violation in invalid.value.violations] == ["/operations/1/item/sku"]
    with pytest.raises(SkuTaken):
        await batch(made, BatchMode.ATOMIC, create("D"), create("A"))
    await existing(made, "B")
    await existing(made, "C")
    await existing(made, "D")


async def test_each_operation_needs_its_own_permission(made: Services) -> None:
    item = await existing(made, "A")
    act_for(uuid4(), permissions=frozenset({"items:read", "items:create"}))
    results = await batch(made, BatchMode.INDEPENDENT, create("B"), ItemOperation(action=ItemAction.DELETE, id=item))
    assert isinstance(results[0], Ok)
    assert isinstance(results[1].error, Forbidden)

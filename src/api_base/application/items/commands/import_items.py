"""Bring a chunk of rows into the catalogue: new skus are created, known ones changed where they differ. Importing again changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import Err, Ok, Result, request_tenant
from api_base.domain.items.entities import Item, ItemDetails
from api_base.domain.items.repository import ItemRepository


class Imported(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItems(Command[Sequence[Result[Imported, ApiBaseError]]]):
    """`rows` have different skus."""

    permission: ClassVar[str] = permissions.IMPORT
    rows: Sequence[ItemDetails]


class ImportItemsHandler:
    def __init__(self, items: ItemRepository, ids: IdGenerator, clock: Clock) -> None:
        self._items, self._ids, self._clock = items, ids, clock

    async def handle(self, command: ImportItems) -> Sequence[Result[Imported, ApiBaseError]]:
        """A result for each row. Raises `SkuTaken` or `StaleVersion` where somebody else wrote meanwhile: send the chunk again."""
        known = await self._items.by_skus([details.sku for details in command.rows])
        return [await self._one(details, known.get(details.sku)) for details in command.rows]

    async def _one(self, details: ItemDetails, item: Item | None) -> Result[Imported, ApiBaseError]:
        now = self._clock.now()
        if item is None:
            await self._items.create(Item.create(id=self._ids.new(), tenant_id=request_tenant(), details=details, now=now))
            return Ok(Imported.CREATED)
        if item.details == details and item.deleted_at is None:
            return Ok(Imported.UNCHANGED)
        try:
            item.replace(details, now)
        except ApiBaseError as error:
            return Err(error)
        await self._items.update(item)
        return Ok(Imported.UPDATED)

"""Create an item in the tenant's catalogue, as a draft."""

from dataclasses import dataclass

from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.application.items.dtos import ItemDTO
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import request_tenant
from api_base.domain.items.entities import Item, ItemDetails
from api_base.domain.items.repository import ItemRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateItem(Command[ItemDTO]):
    permission = permissions.CREATE
    destructive = False
    details: ItemDetails


class CreateItemHandler:
    def __init__(self, items: ItemRepository, ids: IdGenerator, clock: Clock) -> None:
        self._items, self._ids, self._clock = items, ids, clock

    async def handle(self, command: CreateItem) -> ItemDTO:
        """Create the item. The commit raises `SkuTaken`."""
        item = Item.create(id=self._ids.new(), tenant_id=request_tenant(), details=command.details, now=self._clock.now())
        return ItemDTO.of(await self._items.create(item))

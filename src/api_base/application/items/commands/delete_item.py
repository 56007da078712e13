"""Delete an item. It can be restored."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.application.items.dtos import ItemDTO
from api_base.core.protocols import Clock
from api_base.domain.items.repository import ItemRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteItem(Command[ItemDTO]):
    permission: ClassVar[str] = permissions.DELETE
    id: UUID
    expected_version: int | None


class DeleteItemHandler:
    def __init__(self, items: ItemRepository, clock: Clock) -> None:
        self._items, self._clock = items, clock

    async def handle(self, command: DeleteItem) -> ItemDTO:
        """Delete the item. Raises `NotFound`, `StaleVersion`, `ItemIsDeleted`."""
        item = await load(self._items, "item", command.id, command.expected_version)
        item.delete(self._clock.now())
        return ItemDTO.of(await self._items.update(item))

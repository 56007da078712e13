"""Publish, archive, delete and restore an item. The aggregate knows which of them its state allows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.application.items.dtos import ItemDTO
from api_base.core.protocols import Clock
from api_base.domain.items.entities import Item
from api_base.domain.items.repository import ItemRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTransition(Command[ItemDTO]):
    """The base of the commands. `expected_version` None accepts any version."""

    id: UUID
    expected_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishItem(ItemTransition):
    permission = permissions.PUBLISH


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveItem(ItemTransition):
    """Withdraws the item and keeps its data."""

    permission = permissions.PUBLISH


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteItem(ItemTransition):
    """The item can be restored."""

    permission = permissions.DELETE


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreItem(ItemTransition):
    permission = permissions.DELETE


class ItemTransitionHandler:
    """`transition` is the method of the aggregate, such as `Item.publish`; it returns whether the item changed."""

    def __init__(self, items: ItemRepository, clock: Clock, transition: Callable[[Item, datetime], bool]) -> None:
        self._items, self._clock, self._transition = items, clock, transition

    async def handle(self, command: ItemTransition) -> ItemDTO:
        """Change the item. Raises `NotFound`, `StaleVersion`, `PriceMissing`, `ItemIsDeleted`, `ItemIsNotDeleted`."""
        item = await load(self._items, "item", command.id, command.expected_version)
        if self._transition(item, self._clock.now()):
            await self._items.update(item)
        return ItemDTO.of(item)

"""Update the details of an item."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.common.merge_patch import merge_patch
from api_base.application.items import permissions
from api_base.application.items.dtos import ItemDTO
from api_base.core.protocols import Clock
from api_base.domain.items.entities import ItemDetails
from api_base.domain.items.repository import ItemRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateItem(Command[ItemDTO]):
    """`changes` maps fields of `ItemDetails` to their new values; other fields stay unchanged.

    `attributes` is a merge patch or None (remove all attributes); `prices` is `AllPrices` or a `FirstPrice`.
    """

    permission = permissions.UPDATE
    id: UUID
    expected_version: int | None
    changes: Mapping[str, Any]

    def applied(self, details: ItemDetails) -> dict[str, Any]:
        """The new values, with the patches applied to `details`."""
        changes = dict(self.changes)
        if "prices" in changes:
            changes["prices"] = changes["prices"].applied(details.prices)
        if "attributes" in changes:
            patch = changes["attributes"]
            changes["attributes"] = {} if patch is None else merge_patch(details.attributes, patch)
        return changes


class UpdateItemHandler:
    def __init__(self, items: ItemRepository, clock: Clock) -> None:
        self._items, self._clock = items, clock

    async def handle(self, command: UpdateItem) -> ItemDTO:
        """Update the item. Raises `NotFound`, `StaleVersion`, `Invalid`, `ItemIsDeleted`, `PriceMissing`, `SkuTaken`."""
        item = await load(self._items, "item", command.id, command.expected_version)
        if item.change(self._clock.now(), **command.applied(item.details)):
            await self._items.update(item)
        return ItemDTO.of(item)

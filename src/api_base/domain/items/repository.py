"""The repository of items."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.domain.items.entities import Item


class ItemRepository(AsyncRepository[Item, UUID], Protocol):
    async def by_skus(self, skus: Sequence[str]) -> dict[str, Item]:
        """The items of the request's tenant with these skus, deleted ones included, by sku."""
        ...

    async def by_ids(self, ids: Sequence[UUID], *, locked: bool = False) -> dict[UUID, Item]:
        """The items of the request's tenant with these ids, deleted ones included, by id.

        `locked`: no other transaction changes them before the end of this unit of work. They are locked in the order of their ids.
        """
        ...

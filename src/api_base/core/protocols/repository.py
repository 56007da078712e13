"""A collection of aggregates, as the domain sees it."""

from typing import Protocol


class AsyncRepository[T, ID](Protocol):
    """Reads happen at once; writes are handed to the unit of work, which sends them when it ends.

    `create`, `update` and `delete` raise `NoTransaction` outside a unit of work. `update` is guarded by the aggregate's
    version: the unit of work raises `StaleVersion` when somebody else saved it in between.
    """

    async def get(self, id: ID) -> T | None:
        """The aggregate with this id, or None where the tenant or user in hand has none."""
        ...

    async def create(self, entity: T) -> T:
        """Save a new aggregate, as version 1."""
        ...

    async def update(self, entity: T) -> T:
        """Save a changed aggregate whole, as the version after the one that was read."""
        ...

    async def delete(self, id: ID) -> bool:
        """Remove the aggregate with this id; False where there is none."""
        ...

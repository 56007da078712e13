"""Load an aggregate to change it."""

from typing import Any

from api_base.core.base import AggregateRoot
from api_base.core.errors import NotFound, StaleVersion
from api_base.core.protocols import AsyncRepository


async def load[T: AggregateRoot](repository: AsyncRepository[T, Any], what: str, id: object, expected_version: int | None) -> T:
    """Return the aggregate; if `expected_version` is given, only at that version. Raises `NotFound`, `StaleVersion`."""
    return found(await repository.get(id), what, id, expected_version)


def found[T: AggregateRoot](aggregate: T | None, what: str, id: object, expected_version: int | None) -> T:
    """The same for an aggregate that was read in another way; None if there is none. Raises `NotFound`, `StaleVersion`."""
    if aggregate is None:
        raise NotFound(what, id)
    if expected_version is not None and aggregate.version != expected_version:
        raise StaleVersion(what, expected_version)
    return aggregate

"""Import plain resources that have a key: create those whose key is new, change those that differ, and leave the others unchanged."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api_base.application.common.importing.import_rows import ImportRows
from api_base.application.common.importing.importer import Outcomes
from api_base.application.common.importing.report import Outcome
from api_base.application.common.resources.handlers import Owner, ResourceRepository
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import Err, Ok, Result
from api_base.domain.common.resource import Resource
from api_base.domain.common.resource_events import ResourceEvent, record


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """The key of a resource, as it is stored, and the values of the fields that the file has, the key included.

    `unchanged` returns which fields the file has as a client of an older version of the API is shown them, by the DTO of the resource; None for the
    newest version. `named` returns an error with the names of the columns.
    """

    key: str
    values: Mapping[str, Any]
    unchanged: Callable[[Any], Collection[str]] | None
    named: Callable[[ApiBaseError], ApiBaseError]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResources(ImportRows[ResourceRow]):
    """Save a chunk of rows, which have different keys."""


class ResourceImporter[T: Resource]:
    """Implements `RowImporter`. `of_keys` finds the resources of the owner, deleted ones too, by their keys; `events` are those of `crud`, `to_dto`
    returns what clients are shown of one.

    The commit raises the error of the constraint of the key, or `StaleVersion`, if another transaction wrote one of them in the meantime.
    """

    def __init__(
        self,
        repository: ResourceRepository[T],
        of_keys: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]],
        aggregate: type[T],
        owner: Owner,
        ids: IdGenerator,
        clock: Clock,
        events: Mapping[str, type[ResourceEvent]],
        to_dto: Callable[[T], Any],
    ) -> None:
        self._repository, self._of_keys, self._aggregate, self._owner = repository, of_keys, aggregate, owner
        self._ids, self._clock, self._events, self._to_dto = ids, clock, events, to_dto

    async def save(self, rows: Sequence[ResourceRow]) -> Outcomes:
        """Return an outcome for each row: what a rule of the resource refuses, or `Conflict` for a deleted one, refuses its row."""
        known = await self._of_keys([row.key for row in rows])
        return [await self._save(row, known.get(row.key)) for row in rows]

    async def _save(self, row: ResourceRow, entity: T | None) -> Result[Outcome, ApiBaseError]:
        now = self._clock.now()
        try:
            if entity is None:
                entity = self._aggregate.create(id=self._ids.new(), now=now, **self._owner(), **row.values)
                record(entity, self._events.get("created"))
                await self._repository.create(entity)
                return Ok(Outcome.CREATED)
            kept = () if row.unchanged is None else row.unchanged(self._to_dto(entity))
            if not entity.change(now, **{name: value for name, value in row.values.items() if name not in kept}):
                return Ok(Outcome.UNCHANGED)
        except ApiBaseError as error:
            return Err(row.named(error))
        record(entity, self._events.get("changed"))
        await self._repository.update(entity)
        return Ok(Outcome.UPDATED)

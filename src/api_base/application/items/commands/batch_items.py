"""Change up to a thousand items in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from api_base.application.common.aggregates import found
from api_base.application.common.batch import BatchMode, run
from api_base.application.common.cqrs import Command
from api_base.application.items import permissions
from api_base.application.items.commands.update_item import UpdateItem
from api_base.application.items.dtos import ItemDTO
from api_base.core.errors import ApiBaseError, Invalid
from api_base.core.protocols import Clock, IdGenerator, PermissionChecker, Savepoint
from api_base.core.types import Result, current_context, request_tenant
from api_base.domain.items.entities import Item, ItemDetails
from api_base.domain.items.repository import ItemRepository

MAX_OPERATIONS: Final = 1000


class ItemAction(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESTORE = "restore"
    PUBLISH = "publish"
    ARCHIVE = "archive"


NEEDS: Final[Mapping[ItemAction, str]] = {
    ItemAction.CREATE: permissions.CREATE,
    ItemAction.UPDATE: permissions.UPDATE,
    ItemAction.DELETE: permissions.DELETE,
    ItemAction.RESTORE: permissions.DELETE,
    ItemAction.PUBLISH: permissions.PUBLISH,
    ItemAction.ARCHIVE: permissions.PUBLISH,
}

_DATA_POINTERS: Final[Mapping[ItemAction, str]] = {ItemAction.CREATE: "/item", ItemAction.UPDATE: "/changes"}
"""The member of an operation that contains the values that may be invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOperation:
    """`details` builds the item of a CREATE when the operation runs; the other actions name an item by `id`; `changes` belong to an UPDATE."""

    action: ItemAction
    details: Callable[[], ItemDetails] | None = None
    id: UUID | None = None
    expected_version: int | None = None
    changes: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItems(Command[Sequence[Result[ItemDTO, ApiBaseError]]]):
    """Requires the permission to read items; each operation also requires its own permission."""

    permission = permissions.READ
    operations: Sequence[ItemOperation]
    mode: BatchMode


class BatchItemsHandler:
    def __init__(self, items: ItemRepository, ids: IdGenerator, clock: Clock, checker: PermissionChecker, savepoint: Savepoint) -> None:
        self._items, self._ids, self._clock = items, ids, clock
        self._checker, self._savepoint = checker, savepoint

    async def handle(self, command: BatchItems) -> Sequence[Result[ItemDTO, ApiBaseError]]:
        """One result for each operation. Raises `OperationRefused` if ATOMIC."""
        ids = [operation.id for operation in command.operations if operation.id is not None]
        independent = command.mode is BatchMode.INDEPENDENT  # sends each operation before the next: in their order, batches could deadlock
        known = await self._items.by_ids(ids, locked=independent) if ids else {}

        async def apply(operation: ItemOperation) -> ItemDTO:
            self._checker.check(current_context.get().principal, NEEDS[operation.action])
            try:
                return await act(operation)
            except Invalid as error:
                raise error.under(_DATA_POINTERS.get(operation.action, "")) from error

        async def act(operation: ItemOperation) -> ItemDTO:
            if operation.action is ItemAction.CREATE and operation.details is not None:
                return await self._create(operation.details())
            if independent and operation.id is not None:
                known.update(await self._items.by_ids([operation.id]))  # an earlier operation may have been undone
            return await self._change(operation, known)

        return await run(command.operations, apply, command.mode, self._savepoint)

    async def _create(self, details: ItemDetails) -> ItemDTO:
        item = Item.create(id=self._ids.new(), tenant_id=request_tenant(), details=details, now=self._clock.now())
        return ItemDTO.of(await self._items.create(item))

    async def _change(self, operation: ItemOperation, known: Mapping[UUID, Item]) -> ItemDTO:
        item = None if operation.id is None else known.get(operation.id)
        item, now = found(item, "item", operation.id, operation.expected_version), self._clock.now()
        if operation.action is ItemAction.UPDATE:
            patch = UpdateItem(id=item.id, expected_version=None, changes=operation.changes or {})
            if not item.change(now, **patch.applied(item.details)):
                return ItemDTO.of(item)
        else:
            getattr(item, operation.action.value)(now)
        return ItemDTO.of(await self._items.update(item))

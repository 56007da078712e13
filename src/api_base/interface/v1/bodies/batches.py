"""Request bodies of batches of items."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api_base.application.common.batch import BatchMode
from api_base.application.items.commands.batch_items import MAX_OPERATIONS, ItemAction, ItemOperation
from api_base.interface.v1.bodies.base import Body
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody

Version = Annotated[int | None, Field(ge=1, description="The version that the item must have; null for any.")]


class CreateOperation(Body):
    action: Literal["create"]
    item: CreateItemBody

    def operation(self) -> ItemOperation:
        return ItemOperation(action=ItemAction.CREATE, details=self.item.details)


class UpdateOperation(Body):
    action: Literal["update"]
    id: UUID
    expected_version: Version = None
    changes: PatchItemBody

    def operation(self) -> ItemOperation:
        return ItemOperation(action=ItemAction.UPDATE, id=self.id, expected_version=self.expected_version, changes=self.changes.details())


class PlainOperation(Body):
    action: Literal["delete", "restore", "publish", "archive"]
    id: UUID
    expected_version: Version = None

    def operation(self) -> ItemOperation:
        return ItemOperation(action=ItemAction(self.action), id=self.id, expected_version=self.expected_version)


Operation = Annotated[CreateOperation | UpdateOperation | PlainOperation, Field(discriminator="action")]


class BatchBody(Body):
    """`atomic` executes all operations or none; `independent` executes each on its own, in one transaction."""

    mode: BatchMode = BatchMode.ATOMIC
    operations: Annotated[list[Operation], Field(min_length=1, max_length=MAX_OPERATIONS)]

"""The request and the response of a batch of items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from api_base.application.common.batch import BatchMode
from api_base.application.items.commands.batch_items import MAX_OPERATIONS, ItemAction, ItemOperation
from api_base.application.items.dtos import ItemDTO
from api_base.core.errors import ApiBaseError, Invalid
from api_base.core.types import Err, Result
from api_base.interface.errors.handlers import problem_of
from api_base.interface.errors.problem import ProblemDocument
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """`status` is the HTTP status that the operation would have got alone; `item` or `problem` [RFC 9457] is its body."""

    status: int
    item: ItemDTO | None
    problem: ProblemDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    results: Sequence[OperationResult]


_STATUS: Final = {ItemAction.CREATE: 201, ItemAction.DELETE: 204}


def answer(operations: Sequence[ItemOperation], results: Sequence[Result[ItemDTO, ApiBaseError]]) -> BatchAnswer:
    """The results. JSON Pointers in problems refer to the body of the batch."""
    return BatchAnswer(results=[_one(number, *pair) for number, pair in enumerate(zip(operations, results, strict=True))])


def _one(number: int, operation: ItemOperation, result: Result[ItemDTO, ApiBaseError]) -> OperationResult:
    if not isinstance(result, Err):
        return OperationResult(status=_STATUS.get(operation.action, 200), item=result.value, problem=None)
    error = result.error
    problem = problem_of(error.under(f"/operations/{number}") if isinstance(error, Invalid) else error)
    if problem is None:
        raise error
    return OperationResult(status=problem.status, item=None, problem=ProblemDocument(problem.members()))

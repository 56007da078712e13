"""The response to a batch: one result for each operation, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from api_base.application.items.commands.batch_items import ItemAction, ItemOperation
from api_base.application.items.dtos import ItemDTO
from api_base.core.errors import ApiBaseError, Invalid
from api_base.core.types import Err, Result
from api_base.interface.errors.handlers import problem_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """`status` is the HTTP status that the operation would have got alone; `item` or `problem` [RFC 9457] is its body."""

    status: int
    item: ItemDTO | None
    problem: dict[str, Any] | None


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
    content: dict[str, Any] = {
        "type": f"/problems/{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.violations:
        content["errors"] = [{"pointer": v.pointer, "code": v.code, "message": v.message} for v in problem.violations]
    return OperationResult(status=problem.status, item=None, problem=content)

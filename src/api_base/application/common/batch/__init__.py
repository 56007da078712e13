"""Run operations one after the other inside the unit of work of the current command.

ATOMIC: the first refusal is raised with a pointer to its operation, and the whole batch rolls back. INDEPENDENT: each operation runs in
a savepoint; a refusal rolls back that operation and becomes its result. Errors that a retry may resolve are always raised.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from api_base.core.errors import ApiBaseError, Invalid, ProgrammingError, StaleVersion, Transient, Unavailable, Violation
from api_base.core.protocols import Savepoint
from api_base.core.types import Err, Ok, Result


class BatchMode(StrEnum):
    """The scope of the rollback for a refused operation: the whole batch (atomic) or only the operation (independent)."""

    ATOMIC = "atomic"
    INDEPENDENT = "independent"


class OperationRefused(Invalid):
    """An operation of an atomic batch was refused, and with it the whole batch. `cause` is its error."""

    def __init__(self, number: int, cause: ApiBaseError) -> None:
        where = f"/operations/{number}"
        if isinstance(cause, Invalid):
            super().__init__(cause.under(where).violations)
        else:
            super().__init__([Violation(where, "refused", str(cause))])
        self.cause = cause


async def run[O, T](
    operations: Sequence[O],
    apply: Callable[[O], Awaitable[T]],
    mode: BatchMode,
    savepoint: Savepoint,
    progress: Callable[[int], None] | None = None,
) -> list[Result[T, ApiBaseError]]:
    """Return one result for each operation. Other tasks get their turn between two operations.

    Calls `progress` with the number of finished operations. Raises `OperationRefused` if ATOMIC.
    """
    results: list[Result[T, ApiBaseError]] = []
    for number, operation in enumerate(operations):
        if mode is BatchMode.ATOMIC:
            results.append(Ok(await _or_all_refused(apply, operation, number)))
        else:
            results.append(await _by_itself(apply, operation, savepoint))
        await asyncio.sleep(0)
        if progress is not None:
            progress(number + 1)
    return results


async def _or_all_refused[O, T](apply: Callable[[O], Awaitable[T]], operation: O, number: int) -> T:
    try:
        return await apply(operation)
    except (Transient, Unavailable, ProgrammingError):
        raise
    except ApiBaseError as error:
        raise OperationRefused(number, error) from error


async def _by_itself[O, T](apply: Callable[[O], Awaitable[T]], operation: O, savepoint: Savepoint) -> Result[T, ApiBaseError]:
    try:
        async with savepoint():
            return Ok(await apply(operation))
    except (Transient, Unavailable, ProgrammingError):
        raise
    except ApiBaseError as error:
        if isinstance(error, StaleVersion) and error.rows:
            raise
        return Err(error)

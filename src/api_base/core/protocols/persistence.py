"""The storage of use cases: repositories, the unit of work, stored results of keyed requests, the audit trail."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from api_base.core.base import DomainEvent
from api_base.core.errors import ApiBaseError
from api_base.core.types import KeyedRequest, Origin, RequestContext


class AsyncRepository[T, ID](Protocol):
    """A collection of aggregates. Reads run immediately; the unit of work sends the writes when it ends.

    `create`, `update` and `delete` raise `NoTransaction` outside a unit of work. `update` is guarded by the aggregate's
    version: the unit of work raises `StaleVersion` when another request has saved it in between.
    """

    async def get(self, id: ID) -> T | None:
        """Return the aggregate with this id, or None if the tenant or user of the request has no such aggregate."""

    async def create(self, entity: T) -> T:
        """Save a new aggregate, as version 1."""

    async def update(self, entity: T) -> T:
        """Save all fields of a changed aggregate, as the version after the one that was read."""

    async def delete(self, id: ID) -> bool:
        """Remove the aggregate with this id; False if it does not exist."""


class Isolation(Enum):
    """The requirements of a command on its transaction.

    OPTIMISTIC: reads happen outside any transaction, and each saved row is guarded by its version. SERIALIZABLE: everything from the first
    read on is one serializable transaction; a failure is retried. NONE: no unit of work; the handler orchestrates several commands, each
    with its own.
    """

    OPTIMISTIC = "optimistic"
    SERIALIZABLE = "serializable"
    NONE = "none"


class UnitOfWork(Protocol):
    """One transaction per command [Fowler, Patterns of Enterprise Application Architecture: Unit of Work], as the pipeline sees it.

    Repositories find the open one by a contextvar.
    """

    def collect_events(self) -> list[DomainEvent]:
        """Return the events of the aggregates that were saved since the last call."""


class UnitOfWorkFactory(Protocol):
    """`async with begin(isolation, origin) as unit`: commits when the block ends, rolls back when it raises."""

    def __call__(self, isolation: Isolation, origin: Origin | None = None) -> AbstractAsyncContextManager[UnitOfWork]:
        """Begin a unit. `origin` is the job, delivery or keyed request that it belongs to; None for an ordinary request."""


class Savepoint(Protocol):
    """`async with savepoint():` around one element of a batch: an error undoes only that element and is raised."""

    def __call__(self) -> AbstractAsyncContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class StoredResult[T]:
    """The stored result of a keyed request: `result` is the first return value of the command."""

    result: T


class IdempotencyStore(Protocol):
    """Stores results for 24 hours, by tenant, user, route and key. `answer` is the declared result type of the command."""

    async def lock(self, request: KeyedRequest) -> None:
        """Lock the key until this unit of work ends. Raises `RequestInProgress` without waiting if another request holds it."""

    async def find(self, request: KeyedRequest, answer: Any) -> StoredResult[Any] | None:
        """Return the stored result of the same request, or None. Raises `IdempotencyKeyReused` if the key belongs to another request."""

    async def keep[T](self, request: KeyedRequest, result: T, answer: Any) -> T:
        """Write the result in this unit of work; return it as `find` will. Raises `Transient` if another request was faster.

        Raises `ProgrammingError` for a result that is not of the type `answer`, or cannot be decoded again.
        """


class ExportLog(Protocol):
    """Records who takes a whole list out."""

    async def began(self, list: str, format: str, parameters: Sequence[str]) -> None:
        """Record in the open unit of work that an export begins. `list` is the path of the list, `parameters` are names."""


class McpCallLog(Protocol):
    """Records what MCP clients call, before it is executed."""

    async def called(self, context: RequestContext, what: str, target: UUID | None, client: str, revision: str) -> None:
        """Record that `client`, as it calls itself, calls `what`, on the object `target` if the call names one.

        Raises `Unavailable` if that cannot be stored: then nothing is executed.
        """


class AuditStore[TProvider](Protocol):
    """Stores refusals in the audit trail. The unit of work records changes; a refused request has none."""

    async def refused(self, context: RequestContext, method: str, route: str, status: int, error: ApiBaseError | None) -> None:
        """Record that a request was refused, in a transaction of its own with a time limit. Never raises.

        `error` is the reason, if known; an `AuditedRefusal` names the action and the account.
        """

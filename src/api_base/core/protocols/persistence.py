"""How a use case reads and writes: repositories, the unit of work, stored results of keyed requests, the audit trail."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from api_base.core.base import DomainEvent
from api_base.core.errors import ApiBaseError
from api_base.core.types import KeyedRequest, Origin, RequestContext


class AsyncRepository[T, ID](Protocol):
    """A collection of aggregates. Reads run immediately; the unit of work sends the writes when it ends.

    `create`, `update` and `delete` raise `NoTransaction` outside a unit of work. `update` is guarded by the aggregate's
    version: the unit of work raises `StaleVersion` when another request has saved it in between.
    """

    async def get(self, id: ID) -> T | None:
        """The aggregate with this id, or None where the tenant or user of the request has no such aggregate."""
        ...

    async def create(self, entity: T) -> T:
        """Save a new aggregate, as version 1."""
        ...

    async def update(self, entity: T) -> T:
        """Save a changed aggregate whole, as the version after the one that was read."""
        ...

    async def delete(self, id: ID) -> bool:
        """Remove the aggregate with this id; False where it does not exist."""
        ...


class Isolation(Enum):
    """What a command needs of its transaction.

    OPTIMISTIC: reads happen outside any transaction, and each saved row is guarded by its version.
    SERIALIZABLE: everything from the first read on is one serializable transaction; a failure is retried.
    NONE: no unit of work; the handler orchestrates several commands, each with its own.
    """

    OPTIMISTIC = "optimistic"
    SERIALIZABLE = "serializable"
    NONE = "none"


class UnitOfWork(Protocol):
    """One transaction per command [Fowler, Patterns of Enterprise Application Architecture: Unit of Work], as the pipeline sees it.

    Repositories find the open one by a contextvar.
    """

    def collect_events(self) -> list[DomainEvent]:
        """The events of the aggregates that were saved since the last call."""
        ...


class UnitOfWorkFactory(Protocol):
    """`async with begin(isolation, origin) as unit`: commits when the block ends, rolls back when it raises."""

    def __call__(self, isolation: Isolation, origin: Origin | None = None) -> AbstractAsyncContextManager[UnitOfWork]:
        """`origin` is what the unit is part of; None for an ordinary request."""
        ...


class Savepoint(Protocol):
    """`async with savepoint():` around one element of a batch: an error undoes that element alone and is raised."""

    def __call__(self) -> AbstractAsyncContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class StoredResult[T]:
    """`result` is what the command returned the first time."""

    result: T


class IdempotencyStore(Protocol):
    """Keeps results for 24 hours, by tenant, user, route and key. `answer` is the type that the command declares of its result."""

    async def lock(self, request: KeyedRequest) -> None:
        """Lock the key until this unit of work ends. Raises `RequestInProgress` without waiting if another request holds it."""
        ...

    async def find(self, request: KeyedRequest, answer: Any) -> StoredResult[Any] | None:
        """The stored result of the same request, or None. Raises `IdempotencyKeyReused` where the key belongs to another request."""
        ...

    async def keep[T](self, request: KeyedRequest, result: T, answer: Any) -> T:
        """Write the result in this unit of work; return it as `find` will. Raises `Transient` where another request was faster.

        Raises `ProgrammingError` for a result that is not of the type `answer`, or cannot be decoded again.
        """
        ...


class AuditStore[TProvider](Protocol):
    """The unit of work audits changes; a request that was refused before it reached one is stored here."""

    async def refused(self, context: RequestContext, method: str, route: str, status: int, error: ApiBaseError | None) -> None:
        """Record that a request was refused, in a transaction of its own with a time limit. Never raises.

        `error` is the reason, if known; an `AuditedRefusal` names the action and the account.
        """
        ...

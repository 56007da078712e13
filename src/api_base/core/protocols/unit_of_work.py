"""One transaction per command [Fowler, Patterns of Enterprise Application Architecture: Unit of Work]."""

from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from api_base.core.base.event import DomainEvent
from api_base.core.types.origin import Origin


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
    """The pipeline's view of an open unit of work. Repositories find it by a context variable."""

    def collect_events(self) -> list[DomainEvent]:
        """The events recorded by aggregates that were saved since the last call."""
        ...


class UnitOfWorkFactory(Protocol):
    """`async with begin(isolation, origin) as unit`: commits when the block ends, rolls back when it raises."""

    def __call__(self, isolation: Isolation, origin: Origin | None = None) -> AbstractAsyncContextManager[UnitOfWork]:
        """`origin` is what the unit is part of; None for an ordinary request."""
        ...


class Savepoint(Protocol):
    """`async with savepoint():` around one element of a batch: an error undoes that element alone and is raised."""

    def __call__(self) -> AbstractAsyncContextManager[None]: ...

"""One transaction per command [Fowler, Patterns of Enterprise Application Architecture: Unit of Work]."""

from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Protocol

from api_base.core.base.event import DomainEvent


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
    """What the pipeline sees of an open unit of work; repositories find it by a contextvar."""

    def collect_events(self) -> list[DomainEvent]:
        """Facts recorded by aggregates that were saved since the last call."""
        ...


class UnitOfWorkFactory(Protocol):
    """`async with begin(isolation) as unit`: commits when left normally, rolls back when left by a raise."""

    def __call__(self, isolation: Isolation) -> AbstractAsyncContextManager[UnitOfWork]: ...


class Savepoint(Protocol):
    """`async with savepoint():` around one element of a batch: its refusal undoes that element alone and is raised."""

    def __call__(self) -> AbstractAsyncContextManager[None]: ...

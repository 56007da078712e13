"""What was answered to requests that came with a key."""

from dataclasses import dataclass
from typing import Any, Protocol

from api_base.core.types.idempotency import KeyedRequest


@dataclass(frozen=True, slots=True)
class StoredResult[T]:
    """`result` is what the command answered then."""

    result: T


class IdempotencyStore(Protocol):
    """Keeps results for 24 hours, by tenant, user, route and key. `answer` is the type that the command declares of its result."""

    async def lock(self, request: KeyedRequest) -> None:
        """Make the key this unit of work's alone until it ends. Raises `RequestInProgress` at once where it is another's."""
        ...

    async def find(self, request: KeyedRequest, answer: Any) -> StoredResult[Any] | None:
        """What was kept of the same request; None where nothing was. Raises `IdempotencyKeyReused` where the key is another request's."""
        ...

    async def keep[T](self, request: KeyedRequest, result: T, answer: Any) -> T:
        """Write the result in this unit of work; what `find` will make of it. Raises `Transient` where another was faster.

        Raises `ProgrammingError` for a result that is not of the type `answer`, or cannot be made again.
        """
        ...

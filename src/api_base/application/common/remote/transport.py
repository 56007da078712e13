"""Messages between services: the call, and the ports that send it and receive it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from api_base.application.common.cqrs import Message
from api_base.core.errors import ProgrammingError
from api_base.core.protocols import PeriodicTask


class NotServed(ProgrammingError):
    """The service has no such message, or its fields differ: caller and service disagree about their contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCall:
    """The `name` of a message and its JSON as `body`; `seconds` remain to answer it.

    `access_token` is the caller's, or empty; `key` is an idempotency key. `request_id` is that of the request that caused
    the call, and `traceparent` as its `propagated`, or empty. `redelivered`: the call was begun before, with an unknown outcome.
    """

    name: str
    body: bytes
    seconds: float
    access_token: str = field(default="", repr=False)
    key: str | None = None
    request_id: str = ""
    traceparent: str = ""
    redelivered: bool = False


class RemoteBus(Protocol):
    """The bus of another service.

    The caller declares its own `Query[T]` or `Command[T]` and its own `T`, with those fields of the service's message that it needs. The
    class names
    the message of the service: `remote = "items.get"`. The call carries the access token of the current request, and the
    service decides by it what is allowed.
    """

    async def execute[T](self, message: Message[T], *, key: str | None = None) -> T:
        """Return the result from the service.

        A query is retried. A command is sent once, unless it has a `key`, an idempotency key of 1 to 255 characters: then it is retried,
        and executed once. Raises the service's errors by their class in `core.errors`, and `Unavailable` when the service did not answer in
        time: a command without a key may have been executed then. Raises `ProgrammingError` for a message that the service does not have,
        or whose fields differ.
        """
        ...


class RemoteTransport(Protocol):
    """The port behind `REMOTE__URL`."""

    def to(self, service: str) -> RemoteBus:
        """Return the bus of another service, named by its `APP_NAME`."""
        ...

    def task(self, answer: Callable[[RemoteCall], Awaitable[bytes]]) -> PeriodicTask:
        """Return the task of the worker that passes the calls of other services to `answer`."""
        ...

    async def close(self) -> None:
        """Close the connection. The next use opens it again."""
        ...

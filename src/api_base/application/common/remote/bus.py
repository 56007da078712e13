"""The port through which a handler executes messages of another service."""

from typing import Protocol

from api_base.application.common.cqrs import Message


class RemoteBus(Protocol):
    """The bus of another service.

    The caller declares its own `Query[T]` or `Command[T]` and its own `T`, with those fields of the service's message that it needs. The
    class names
    the message of the service: `remote: ClassVar[str] = "items.get"`. The call carries the access token of the current request, and the
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

"""What a handler takes to execute messages of another service."""

from typing import Protocol

from api_base.application.common.cqrs import Message


class RemoteBus(Protocol):
    """The bus of another service.

    A message is a `Query[T]` or `Command[T]` of the caller's own, with those of the service's fields that it needs, and so is `T`. It
    names the service's message: `remote: ClassVar[str] = "items.get"`. What it may do is decided there, by the access token of the
    request in hand, which goes along.
    """

    async def execute[T](self, message: Message[T], *, key: str | None = None) -> T:
        """What the service answers.

        A query is sent again where that may help. A command is sent once, unless it comes with a `key`, an idempotency key of 1 to 255
        characters: then it is carried out once however often it is sent. Raises the service's own errors by their class in
        `core.errors`, and `Unavailable` where it did not answer in time: a command without a key may have been carried out then.
        Raises `ProgrammingError` for a message that names none of the service, or does not fit it.
        """
        ...

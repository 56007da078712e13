"""The bus finds a message's handler and runs it through a pipeline that is composed once, at start."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Never, Protocol

from api_base.application.common.cqrs.message import Message
from api_base.core.errors import ProgrammingError
from api_base.core.shared.places import Declaration

type Call = Callable[[Any], Awaitable[Any]]


class Handler[M, T](Protocol):
    """One class per message; lives as long as the application."""

    async def handle(self, message: M, /) -> T:
        """Execute `message` and return the result that it declares. A refusal that must be committed is returned as `Err`; a raise rolls back."""
        ...


@dataclass(frozen=True, slots=True)
class Registration(Declaration):
    """A type of message with its handler, as `on` pairs them. One that `replaces` takes the place of another context's."""

    message: type[Message[object]]
    handler: Handler[Never, object]
    replaces: bool = False


def on[M: Message[object]](message: type[M], handler: Handler[M, object]) -> Registration:
    """Register `handler` for messages of the type `message`. A handler of another message does not type-check.

    >>> from api_base.application.common.cqrs import PUBLIC, Query
    >>> class Ping(Query[str]):
    ...     permission = PUBLIC
    >>> class PingHandler:
    ...     async def handle(self, query: Ping) -> str:
    ...         return "pong"
    >>> on(Ping, PingHandler()).message.__name__
    'Ping'
    """
    return Registration(message, handler)


def replacing[M: Message[object]](message: type[M], handler: Handler[M, object]) -> Registration:
    """Register `handler` in place of the one that another context, such as a built-in one, has for messages of the type `message`.

    The rest of that context stays: its routes, its other handlers, and the permission and isolation that the message declares.
    """
    return Registration(message, handler, replaces=True)


class Middleware(Protocol):
    """One stage of the pipeline. Called once for each message type at start; returns `call_next` itself if it has nothing to do."""

    def __call__(self, message_type: type[Message[Any]], call_next: Call, /) -> Call: ...


class Bus:
    """`await bus.execute(CreateItem(...))` has the type that `CreateItem` declares.

    Handlers that orchestrate (`Isolation.NONE`) are registered after the bus was created, by `Bus.add`, because they need it.
    """

    def __init__(self, middlewares: Sequence[Middleware]) -> None:
        self._middlewares = tuple(middlewares)
        self._calls: dict[type[Message[object]], Call] = {}

    def add(self, registrations: Iterable[Registration]) -> None:
        """Register handlers. Raises `ProgrammingError` for a second handler or a message without a permission."""
        for registration in registrations:
            message_type = registration.message
            if message_type in self._calls:
                raise ProgrammingError(f"{message_type.__name__} has two handlers. Remove one of them.")
            if not isinstance(getattr(message_type, "permission", None), str):
                raise ProgrammingError(f"{message_type.__name__} declares no permission. Declare one; PUBLIC allows every caller.")
            call: Call = registration.handler.handle
            for middleware in reversed(self._middlewares):
                call = middleware(message_type, call)
            self._calls[message_type] = call

    def handles(self, message_type: type[Message[object]]) -> bool:
        """Return whether a handler of the message is registered."""
        return message_type in self._calls

    async def execute[T](self, message: Message[T]) -> T:
        """Run the handler of `message`.

        Raises `ProgrammingError` for a message without a handler, and the errors of the handler and the pipeline.
        """
        try:
            call = self._calls[type(message)]
        except KeyError:
            raise ProgrammingError(
                f"{type(message).__name__} has no handler. Add its context to the application, and a handler to the context."
            ) from None
        result: T = await call(message)
        return result

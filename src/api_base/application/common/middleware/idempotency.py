"""A request with a key is executed once: the transaction of its command stores the result, and a repetition answers with it.

A crash before the commit leaves nothing, a crash after it leaves the result. A raise rolls back and stores nothing: a repetition
runs again.
"""

from collections.abc import Awaitable, Callable
from types import NoneType
from typing import Any

from api_base.application.common.cqrs import Command, Message, answer_of
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import ApiBaseError, ProgrammingError
from api_base.core.protocols import IdempotencyStore, Isolation
from api_base.core.types import KeyedExecution, KeyedRequest

type KeyedCall = Callable[[Message[Any], KeyedExecution], Awaitable[Any]]


class _ConcurrentDuplicate(ApiBaseError):
    """The same request has committed before this request reached its command."""


class IdempotencyMiddleware:
    """The stage of a keyed request's command, inside its unit of work.

    A message of `Isolation.NONE` has no unit of work, so its result is looked up before it begins. A keyed request executes one command. A
    message that orchestrates may be keyed if it returns None: its command commits before it ends, so its own result could not be stored.
    """

    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    def __call__(self, message_type: type[Command[Any]], call_next: Call) -> KeyedCall:
        run = self._orchestrating if message_type.isolation is Isolation.NONE else self._in_unit
        answer = answer_of(message_type)

        async def stage(message: Message[Any], execution: KeyedExecution) -> Any:
            return await run(message, execution, call_next, answer)

        return stage

    async def _in_unit(self, message: Message[Any], execution: KeyedExecution, call_next: Call, answer: Any) -> Any:
        _claim(execution, message)
        request = execution.request
        await self._store.lock(request)
        if execution.orchestrated:
            return await self._within(message, request, call_next)
        stored = await self._store.find(request, answer)
        if stored is not None:
            execution.replayed = True
            return stored.result
        return await self._store.keep(request, await call_next(message), answer)

    async def _within(self, message: Message[Any], request: KeyedRequest, call_next: Call) -> Any:
        """Store that the orchestrating message is done. Returns the result for its handler."""
        if await self._store.find(request, NoneType) is not None:
            raise _ConcurrentDuplicate
        result = await call_next(message)
        await self._store.keep(request, None, NoneType)
        return result

    async def _orchestrating(self, message: Message[Any], execution: KeyedExecution, call_next: Call, answer: Any) -> Any:
        _claim(execution, message)
        if answer is not NoneType:
            name = type(message).__name__
            raise ProgrammingError(f"{name} commits before it has a result to store: declare its route replayable=False.")
        if await self._done(execution):
            return None
        execution.command, execution.orchestrated = None, True
        try:
            return await call_next(message)
        except ProgrammingError:
            raise
        except ApiBaseError:
            if not await self._done(execution):  # otherwise the concurrent duplicate caused the refusal
                raise
            return None
        finally:
            execution.command, execution.orchestrated = message, False

    async def _done(self, execution: KeyedExecution) -> bool:
        execution.replayed = await self._store.find(execution.request, NoneType) is not None
        return execution.replayed


def _claim(execution: KeyedExecution, message: Message[Any]) -> None:
    """A retry of the same message is allowed, a second command is not: a replay could not tell which of the two was executed."""
    if execution.command is not None and execution.command is not message:
        name = type(message).__name__
        raise ProgrammingError(f"{name} is the second command of a request with a key: declare its route replayable=False.")
    execution.command = message

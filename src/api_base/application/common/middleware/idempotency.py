"""A request with a key is carried out once: its command's result is kept in the command's own transaction, and answered again after that.

So a crash before the commit leaves nothing, one after it leaves the answer. A raise rolls back and keeps nothing: a retry runs again.
"""

from collections.abc import Awaitable
from dataclasses import replace
from types import NoneType
from typing import Any

from api_base.application.common.cqrs import Command, Message, answer_of
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import ApiBaseError, ProgrammingError
from api_base.core.protocols import IdempotencyStore, Isolation
from api_base.core.types import KeyedRequest, current_context


class _ConcurrentDuplicate(ApiBaseError):
    """The same request has committed while this one was on its way to its command."""


class IdempotencyMiddleware:
    """Runs inside the unit of work. Messages without one (`Isolation.NONE`) are looked up before they begin.

    A keyed request is one command. One that orchestrates may be keyed when it answers nothing, since its command commits before it ends.
    """

    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not issubclass(message_type, Command):
            return call_next
        keyed = self._orchestrating if message_type.isolation is Isolation.NONE else self._in_unit
        answer = answer_of(message_type)

        def stage(message: Message[Any]) -> Awaitable[Any]:
            context = current_context.get(None)
            if context is None or context.keyed is None:
                return call_next(message)
            return keyed(message, context.keyed, call_next, answer)

        return stage

    async def _in_unit(self, message: Message[Any], request: KeyedRequest, call_next: Call, answer: Any) -> Any:
        _claim(request, message)
        await self._store.lock(request)
        if request.orchestrated:
            return await self._within(message, request, call_next)
        kept = await self._store.find(request, answer)
        if kept is not None:
            request.replayed = True
            return kept.result
        return await self._store.keep(request, await call_next(message), answer)

    async def _within(self, message: Message[Any], request: KeyedRequest, call_next: Call) -> Any:
        """What is kept is that the orchestrating message is done; the result is for its handler."""
        if await self._store.find(request, NoneType) is not None:
            raise _ConcurrentDuplicate
        result = await call_next(message)
        await self._store.keep(request, None, NoneType)
        return result

    async def _orchestrating(self, message: Message[Any], request: KeyedRequest, call_next: Call, answer: Any) -> Any:
        _claim(request, message)
        if answer is not NoneType:
            name = type(message).__name__
            raise ProgrammingError(f"{name} commits before it has its answer, so that cannot be kept: declare its route replayable=False.")
        if await self._done(request):
            return None
        context = current_context.get()
        context.keyed = replace(request, command=None, orchestrated=True)
        try:
            return await call_next(message)
        except ProgrammingError:
            raise
        except ApiBaseError:
            if not await self._done(request):  # else it was refused for what its twin has done
                raise
            return None
        finally:
            context.keyed = request

    async def _done(self, request: KeyedRequest) -> bool:
        request.replayed = await self._store.find(request, NoneType) is not None
        return request.replayed


def _claim(request: KeyedRequest, message: Message[Any]) -> None:
    """Trying the same again is allowed; another command is not: a replay could not tell which of them was done."""
    if request.command is not None and request.command is not message:
        name = type(message).__name__
        raise ProgrammingError(f"{name} is the second command of a request with a key: declare its route replayable=False.")
    request.command = message

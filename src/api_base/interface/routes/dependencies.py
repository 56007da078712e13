"""Run the dependencies of a route, FastAPI's `Depends`, in the order that was found at start, and then its function.

A coroutine function is awaited, another function runs in a thread, and what it returns is awaited if it can be. The code of a generator
after `yield` runs when the function of the route has returned or raised, before the response is sent; then the files of a form are closed.
A dependency that several others name runs once.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from fastapi import Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from starlette.types import Scope

from api_base.core.errors import ProgrammingError
from api_base.interface.routes.form import ReadForm

VALUES: Final = "/values"
"""The slot of a mapping of values by slot."""
FORM: Final = "/form"
"""The slot of a `ReadForm`."""

type Arguments = Sequence[tuple[str, str]]
"""The names of parameters, each with the slot of its value. No slot but that of a parameter of the route's function is an identifier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A dependency: its result is the value of `slot`."""

    slot: str
    call: Callable[..., Any]
    arguments: Arguments
    _run: Callable[[AsyncExitStack, Mapping[str, Any]], Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_run", _runner(self.call))

    @property
    def yields(self) -> bool:
        """Return whether code runs after the function of the route."""
        function = _function(self.call)
        return inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function)

    async def run(self, given: Mapping[str, Any], stack: AsyncExitStack) -> Any:
        """Return the result."""
        return await self._run(stack, {name: given[slot] for name, slot in self.arguments})


class Composed:
    """The function of a route behind its dependencies: takes the values by slot, and passes to `endpoint` its `arguments`."""

    def __init__(self, endpoint: Callable[..., Any], arguments: Arguments, steps: Sequence[Step]) -> None:
        self._endpoint, self._arguments, self._steps = endpoint, arguments, steps
        self.__name__ = endpoint.__name__

    async def __call__(self, **given: Any) -> Any:
        given |= given.pop(VALUES, {})
        async with AsyncExitStack() as stack:
            form: ReadForm | None = given.pop(FORM, None)
            if form is not None:
                stack.push_async_callback(form.close)
                given |= form.values
            for step in self._steps:
                given[step.slot] = await step.run(given, stack)
            return await self._endpoint(**{name: given[slot] for name, slot in self._arguments})
        raise ProgrammingError(f"A dependency of {self.__name__} catches an error after its `yield` and raises none. Raise it again.")


def request_of(scope: Scope) -> Request:
    """Return the request for a function that takes `Request`. Its body cannot be read."""
    return Request(scope)


def _function(call: Any) -> Any:
    while isinstance(call, partial):
        call = call.func
    return call if isinstance(call, type) or inspect.isroutine(call) else call.__call__


def _runner(call: Callable[..., Any]) -> Callable[[AsyncExitStack, Mapping[str, Any]], Any]:
    function = _function(call)
    if inspect.isasyncgenfunction(function):
        return lambda stack, arguments: stack.enter_async_context(asynccontextmanager(call)(**arguments))
    if inspect.isgeneratorfunction(function):
        return lambda stack, arguments: stack.enter_async_context(contextmanager_in_threadpool(contextmanager(call)(**arguments)))
    if inspect.iscoroutinefunction(function):
        return lambda stack, arguments: call(**arguments)
    return lambda stack, arguments: _in_thread(call, arguments)


async def _in_thread(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return the result of a function, also of one that wraps a coroutine function: a guard that nobody awaits would let everyone pass."""
    result = await run_in_threadpool(call, **arguments)
    return await result if inspect.isawaitable(result) else result

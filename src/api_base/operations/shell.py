"""Run Python on the application as a user: a console with top-level `await`, as `python -m asyncio`, or a script from standard input.

What it runs uses the bus: the application's own handlers, units of work, audit and permissions.
"""

import ast
import asyncio
import inspect
import signal
import sys
import threading
import traceback
from code import InteractiveConsole
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from types import CodeType, FunctionType
from typing import Final

from api_base.bootstrap.context import Context
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.types import current_context
from api_base.operations.acting import act_as, act_in_tenant

SCRIPT: Final = "<stdin>"


async def run_shell(settings: Settings, contexts: Sequence[Context], email: str, tenant: str | None) -> bool:
    """Run what standard input contains as the user with this address, in the tenant with this slug or id, or in none.

    Returns whether it succeeded: a script may end with an error, a console always succeeds. Raises what `act_in_tenant` raises.
    """
    async with opened(build(settings, contexts)) as services:
        if tenant is None:
            await act_as(services, email)
        else:
            await act_in_tenant(services, email, tenant)
        names = _names(services)
        if not sys.stdin.isatty():
            return await _run_script(sys.stdin.read(), names)
        await _Session(names).run(_banner(email, tenant))
        return True


def _names(services: Services) -> dict[str, object]:
    """Return the names of a session. A message whose name several contexts use is not among them."""
    context, found = current_context.get(), dict[str, object]()
    messages = [one.message for one in services.declarations.sound_registrations]
    names = [message.__name__ for message in messages]
    for message in messages:
        if names.count(message.__name__) == 1:
            found[message.__name__] = message
    return {**found, "bus": services.bus, "ports": services.ports, "principal": context.principal, "tenant": context.tenant_id}


def _banner(email: str, tenant: str | None) -> str:
    return (
        f"You act as {email} in {'no tenant' if tenant is None else f'the tenant {tenant}'}. "
        "Names: bus, ports, principal, tenant, and every message.\n"
        "Write: await bus.execute(GetProfile())     End with exit() or Ctrl-D."
    )


async def _run_script(source: str, names: Mapping[str, object]) -> bool:
    """Run a whole script. Returns whether it ended without an error; a traceback shows the error."""
    console = _console(names)
    try:
        code = console.compile.compiler(source, SCRIPT, "exec")
        result = FunctionType(code, console.locals)()
        if inspect.isawaitable(result):
            await result
    except SystemExit as end:
        return end.code in (None, 0)
    except Exception as error:
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames)
        return False
    return True


def _console(names: Mapping[str, object]) -> InteractiveConsole:
    console = InteractiveConsole({"__name__": "__console__", **names}, filename=SCRIPT)
    console.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return console


class _Session:
    """A console in a thread of its own, whose code runs in this task's loop and context."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._loop, self._context = asyncio.get_running_loop(), copy_context()
        self._console = _console(names)
        self._console.runcode = self._run_code  # type: ignore[method-assign]  # the console calls it with each statement
        self._running: asyncio.Task[None] | None = None

    async def run(self, banner: str) -> None:
        """Return when the user ends the console."""
        ended = asyncio.Event()
        with suppress(ImportError):
            import readline  # noqa: F401 -- gives `input` a history
        self._loop.add_signal_handler(signal.SIGINT, self._interrupt)
        try:
            threading.Thread(target=self._interact, args=(banner, ended), daemon=True).start()
            await ended.wait()
        finally:
            self._loop.remove_signal_handler(signal.SIGINT)

    def _interact(self, banner: str, ended: asyncio.Event) -> None:
        try:
            self._console.interact(banner, exitmsg="")
        except SystemExit:
            pass
        finally:
            self._loop.call_soon_threadsafe(ended.set)

    def _interrupt(self) -> None:
        """End the statement that runs."""
        if self._running is not None:
            self._running.cancel()

    def _run_code(self, code: CodeType) -> None:
        done: Future[object] = Future()
        self._loop.call_soon_threadsafe(self._start, code, done, context=self._context)
        try:
            done.result()
        except SystemExit:
            raise
        except BaseException:  # a cancelled statement too: the console goes on
            self._console.showtraceback()

    def _start(self, code: CodeType, done: Future[object]) -> None:
        try:
            result = FunctionType(code, self._console.locals)()
            if not inspect.iscoroutine(result):
                done.set_result(result)
                return
            self._running = self._loop.create_task(_guarded(result, done), context=self._context)
        except BaseException as error:
            done.set_exception(error)


async def _guarded(work: Awaitable[object], done: Future[object]) -> None:
    try:
        done.set_result(await work)
    except BaseException as error:  # SystemExit too, which must not end the loop
        done.set_exception(error)

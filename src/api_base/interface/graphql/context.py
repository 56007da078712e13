"""The context of one operation: the bus, and the loads that fields ask for, collected into one query of each kind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final

from api_base.application.common.cqrs import Bus
from api_base.core.types import current_context
from api_base.interface.graphql.sessions import LiveSession

MAX_BATCH: Final = 200
"""Keys of one query: the largest page."""
_IDLE_TURNS: Final = 4
"""Turns of the event loop without a new key before a wave begins: results of one wave reach nested fields within that."""

type Load = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]
"""Returns the values of keys, in their order; an exception stands for a key that has none."""


@dataclass(slots=True)
class _Batch:
    """The keys of one kind that wait for the next wave. `context` is that of their fields."""

    load: Load
    context: Context
    futures: dict[Any, asyncio.Future[Any]] = field(default_factory=dict)


class GraphQLContext:
    """One for each operation, and for each event of a subscription, so that it never shows what an earlier event loaded.

    `session` is that of the connection, which delivers events to subscriptions; an anonymous caller has none.

    Loads run in waves: a wave begins when no load runs and no key comes, so keys that fields ask for at one depth, on different ways,
    are in one query, and the number of queries does not depend on the size of pages. Lists at the root are not loads: of several, each may begin a
    wave of its own. Every value is loaded by the bus, as the
    principal of the current request, which is part of the key of a load: a context that is used for another principal by mistake shares
    nothing with it.
    """

    def __init__(self, bus: Bus, session: LiveSession | None = None) -> None:
        self.bus, self.session = bus, session
        self._known: dict[tuple[object, ...], asyncio.Future[Any]] = {}
        self._made: dict[object, Any] = {}
        self._waiting: dict[tuple[object, ...], _Batch] = {}
        self._added = 0
        self._waves: asyncio.Task[None] | None = None

    async def load(self, kind: object, load: Load, key: Any) -> Any:
        """Return the value of a key, by one query for all keys of `kind`. Raises what the query raises."""
        context = current_context.get()
        whose = kind, context.tenant_id, context.user_id
        found = self._known.get((*whose, key))
        if found is None:
            found = self._known[(*whose, key)] = asyncio.get_running_loop().create_future()
            batch = self._waiting.get(whose)
            if batch is None:
                batch = self._waiting[whose] = _Batch(load, copy_context())
            batch.futures[key] = found
            self._added += 1
            if self._waves is None:
                self._waves = asyncio.ensure_future(self._run())
        return await asyncio.shield(found)

    def once[T](self, key: object, make: Callable[[], T]) -> T:
        """Return what `make` returned for this key in this operation."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def forget(self) -> None:
        """Load everything again: a mutation may have changed it."""
        self._known.clear()

    async def close(self) -> None:
        """Cancel the loads that run: the operation has ended."""
        if self._waves is not None:
            self._waves.cancel()
            await asyncio.wait([self._waves])

    async def _run(self) -> None:
        try:
            while True:
                await self._settled()
                if not self._waiting:
                    break
                waiting, self._waiting = self._waiting, {}
                parts = [(one, keys) for one in waiting.values() for keys in batched(one.futures, MAX_BATCH)]
                tasks = [asyncio.create_task(_load(one, keys), context=one.context.copy()) for one, keys in parts]
                try:
                    await asyncio.wait(tasks)
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            self._waves = None

    async def _settled(self) -> None:
        idle, added = 0, self._added
        while idle < _IDLE_TURNS:
            await asyncio.sleep(0)
            idle = idle + 1 if added == self._added else 0
            added = self._added


async def _load(batch: _Batch, keys: Sequence[Any]) -> None:
    futures = [batch.futures[key] for key in keys]
    try:
        values = await batch.load(list(keys))
    except asyncio.CancelledError:
        for future in futures:
            future.cancel()
        raise
    except Exception as error:
        values = [error] * len(futures)
    for future, value in zip(futures, values, strict=True):
        if isinstance(value, Exception):
            future.set_exception(value)
            future.exception()  # another field may have ended the operation, so that nobody awaits it
        else:
            future.set_result(value)

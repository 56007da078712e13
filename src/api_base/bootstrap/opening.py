"""What a process opens before it works and closes at its end: in order, in reverse, and in a bounded time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Final

from api_base.core.protocols import Resource
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)

END_SECONDS: Final = 10.0
"""Seconds that the lifespan of a context has to end: the process stops all the same."""


class OpenedInOrder(AbstractAsyncContextManager[None]):
    """A lifespan that opens `resources` in order and closes them in reverse."""

    def __init__(self, *resources: Resource) -> None:
        self.resources = resources
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> None:
        """Open them. If one cannot be opened, those before it are closed."""
        async with AsyncExitStack() as stack:
            for resource in self.resources:
                await resource.open()
                stack.push_async_callback(resource.close)
            self._stack = stack.pop_all()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close them."""
        await self._stack.aclose()


@asynccontextmanager
async def ended_in_time(lifespan: AbstractAsyncContextManager[None], context: str, seconds: float = END_SECONDS) -> AsyncIterator[None]:
    """Run the lifespan of a context around the block. Its end is cancelled and logged if it takes longer than `seconds`."""
    await lifespan.__aenter__()
    try:
        yield
    finally:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await lifespan.__aexit__(None, None, None)
        except TimeoutError:
            if not limit.expired():
                raise
            logger.error("lifespan_not_ended", context=context, reason=f"it did not end within {seconds:g} s, and was cancelled")

"""The threads that read imported files. They are no default threads of the event loop: the storage needs one of those for each piece it returns."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final

_READERS: Final = ThreadPoolExecutor(8, thread_name_prefix="import")
"""Each thread is started when it is needed; more readers wait."""


async def in_reading_thread[**P, T](work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what `work` returns in one of the threads."""
    run = partial(copy_context().run, partial(work, *arguments, **named))
    return await asyncio.get_running_loop().run_in_executor(_READERS, run)

"""A batch carried out side by side, in order within each key, such that what is done when it ends is a beginning of it without gaps."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence

type Step = tuple[Hashable, Callable[[], Coroutine[None, None, None]]]


async def run_in_key_order(steps: Sequence[Step], concurrency: int, go_on: Callable[[], bool]) -> tuple[int, Exception | None]:
    """How many of the first steps are done, and what the next one raised, if it was begun.

    Steps begin in their order, each when the one before it with its key is done and one of `concurrency` places is free, until one has
    failed or `go_on` says no; those that were begun by then are waited for.
    """
    last: dict[Hashable, asyncio.Task[None]] = {}
    failed: dict[int, Exception] = {}
    places = asyncio.Semaphore(concurrency)

    async def take(number: int, step: Callable[[], Coroutine[None, None, None]]) -> None:
        try:
            await step()
        except Exception as error:
            failed[number] = error
        finally:
            places.release()

    begun = 0
    async with asyncio.TaskGroup() as group:
        for key, step in steps:
            if key in last:
                await asyncio.wait([last[key]])
            await places.acquire()
            if failed or not go_on():
                break
            last[key] = group.create_task(take(begun, step))
            begun += 1
    return min(failed.items()) if failed else (begun, None)

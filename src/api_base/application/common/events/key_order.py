"""Runs steps concurrently, and the steps of one key in order."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from heapq import heapify, heappop, heappush

type Step = tuple[Hashable, Callable[[], Coroutine[None, None, None]]]
"""A key and the step to run."""
type Outcomes = Mapping[int, Exception | None]
"""The steps that have begun, by position: None for a step that succeeded, or its exception."""


async def run_in_key_order(
    steps: Sequence[Step], concurrency: int, may_begin: Callable[[], bool], *, stop_at_failure: bool = False
) -> Outcomes:
    """Run up to `concurrency` steps at a time, each after the earlier ones of its key, until all are done or `may_begin` returns False.

    Of the steps that could begin, the first one begins. After a failure no later step of its key begins, or, with `stop_at_failure`,
    no step at all; steps that have begun are always finished.
    """
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for number, (key, _) in enumerate(steps):
        waiting[key].append(number)
    ready = [numbers[0] for numbers in waiting.values()]
    heapify(ready)
    outcomes: dict[int, Exception | None] = {}
    stopped = False

    async def work() -> None:
        nonlocal stopped
        while ready and not stopped and may_begin():
            number = heappop(ready)
            key, step = steps[number]
            try:
                await step()
            except Exception as error:
                outcomes[number] = error
                stopped = stop_at_failure
            else:
                outcomes[number] = None
                waiting[key].popleft()
                if waiting[key]:
                    heappush(ready, waiting[key][0])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(ready))):
            group.create_task(work())
    return outcomes


def done_without_gap(outcomes: Outcomes, count: int) -> int:
    """Return how many of the `count` steps succeeded before the first one that did not."""
    return next((number for number in range(count) if number not in outcomes or outcomes[number] is not None), count)

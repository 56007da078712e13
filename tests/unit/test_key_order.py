"""Steps run concurrently, and in order within each key."""

import asyncio
from collections.abc import Callable, Coroutine

from hypothesis import given
from hypothesis import strategies as st

from api_base.application.common.events.key_order import done_without_gap, run_in_key_order

PLANS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=20)
"""Key, turns of the loop that the step takes, whether it may fail."""


class Work:
    """Steps that record their begin and end, each `pauses[n]` turns of the loop long; those of `fail` raise."""

    def __init__(self, keys: list[int], pauses: list[int], fail: frozenset[int] = frozenset()) -> None:
        self.keys, self.pauses, self.fail = keys, pauses, fail
        self.begun: list[int] = []
        self.done: list[int] = []
        self.failed: list[int] = []
        self.running: set[int] = set()
        self.most = 0

    def steps(self) -> list[tuple[int, Callable[[], Coroutine[None, None, None]]]]:
        return [(key, self._step(number)) for number, key in enumerate(self.keys)]

    def blocked(self) -> set[int]:
        """Keys of which no step may begin."""
        return {self.keys[number] for number in (*self.running, *self.failed)}

    def _step(self, number: int) -> Callable[[], Coroutine[None, None, None]]:
        async def step() -> None:
            assert self.keys[number] not in self.blocked()
            assert all(earlier in self.begun or self.keys[earlier] in self.blocked() for earlier in range(number))
            self.begun.append(number)
            self.running.add(number)
            self.most = max(self.most, len(self.running))
            for _ in range(self.pauses[number]):
                await asyncio.sleep(0)
            self.running.discard(number)
            if number in self.fail:
                self.failed.append(number)
                raise ValueError(number)
            self.done.append(number)

        return step


def work_of(plan: list[tuple[int, int, bool]]) -> Work:
    fail = frozenset(number for number, step in enumerate(plan) if step[2] and number % 3 == 0)
    return Work([key for key, _, _ in plan], [pause for _, pause, _ in plan], fail)


@given(PLANS, st.integers(1, 4), st.integers(0, 20), st.booleans())
def test_what_is_done_is_a_beginning_without_gaps(
    plan: list[tuple[int, int, bool]], concurrency: int, enough: int, stop_at_failure: bool
) -> None:
    work = work_of(plan)
    outcomes = asyncio.run(run_in_key_order(work.steps(), concurrency, lambda: len(work.begun) < enough, stop_at_failure=stop_at_failure))
    assert work.running == set()
    assert work.most <= concurrency
    assert sorted(outcomes) == sorted(work.begun)
    assert {number for number, error in outcomes.items() if error is None} == set(work.done)
    assert {number: error.args[0] for number, error in outcomes.items() if error is not None} == {number: number for number in work.failed}
    done = done_without_gap(outcomes, len(plan))
    assert set(range(done)) <= set(work.done)
    assert done == len(plan) or done not in work.done
    if len(work.begun) < enough and not (stop_at_failure and work.failed):
        assert {work.keys[number] for number in range(len(plan)) if number not in outcomes} <= {work.keys[number] for number in work.failed}


async def test_other_keys_go_on_meanwhile() -> None:
    met = asyncio.Barrier(3)

    async def meet() -> None:
        await met.wait()

    async with asyncio.timeout(5):
        assert await run_in_key_order([("a", meet), ("b", meet), ("c", meet)], 3, lambda: True) == {0: None, 1: None, 2: None}


async def test_a_slow_key_does_not_hold_up_steps_behind_its_next_one() -> None:
    behind = asyncio.Event()

    async def slow() -> None:
        await behind.wait()

    async def next_of_slow() -> None:
        return

    async def other() -> None:
        behind.set()

    async with asyncio.timeout(5):
        steps = [("slow", slow), ("slow", next_of_slow), ("other", other)]
        assert await run_in_key_order(steps, 2, lambda: True) == {0: None, 1: None, 2: None}


async def test_nothing_begins_after_a_failure() -> None:
    work = Work([1, 1, 2], [1, 1, 9], frozenset({0}))
    outcomes = await run_in_key_order(work.steps(), 1, lambda: True, stop_at_failure=True)
    assert (done_without_gap(outcomes, 3), work.begun, str(outcomes[0])) == (0, [0], "0")


async def test_a_failure_holds_up_its_key_alone() -> None:
    work = Work([1, 1, 2, 2], [1, 1, 1, 1], frozenset({0}))
    outcomes = await run_in_key_order(work.steps(), 1, lambda: True)
    assert (work.begun, work.done, str(outcomes[0])) == ([0, 2, 3], [2, 3], "0")


async def test_cancelling_cancels_the_steps() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(run_in_key_order([("a", hang)], 1, lambda: True))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert (task.cancelled(), ended.is_set()) == (True, True)

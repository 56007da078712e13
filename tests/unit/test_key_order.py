"""Steps side by side, in order within each key: what is done in the end is a beginning of them."""

import asyncio
from collections.abc import Callable, Coroutine

from hypothesis import given
from hypothesis import strategies as st

from api_base.infrastructure.kafka.key_order import run_in_key_order


class Work:
    """Steps that note their beginning and end, each `pauses[n]` turns of the loop long; those of `fail` raise."""

    def __init__(self, keys: list[int], pauses: list[int], fail: frozenset[int] = frozenset()) -> None:
        self.keys, self.pauses, self.fail = keys, pauses, fail
        self.begun: list[int] = []
        self.done: list[int] = []
        self.under_way: set[int] = set()
        self.most = 0

    def steps(self) -> list[tuple[int, Callable[[], Coroutine[None, None, None]]]]:
        return [(key, self._step(number)) for number, key in enumerate(self.keys)]

    def _step(self, number: int) -> Callable[[], Coroutine[None, None, None]]:
        async def step() -> None:
            assert self.keys[number] not in {self.keys[other] for other in self.under_way}
            self.begun.append(number)
            self.under_way.add(number)
            self.most = max(self.most, len(self.under_way))
            for _ in range(self.pauses[number]):
                await asyncio.sleep(0)
            self.under_way.discard(number)
            if number in self.fail:
                raise ValueError(number)
            self.done.append(number)

        return step


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=20), st.integers(1, 4), st.integers(0, 20))
def test_what_is_done_is_a_beginning_without_gaps(plan: list[tuple[int, int, bool]], at_once: int, enough: int) -> None:
    work = Work(
        [key for key, _, _ in plan], [pause for _, pause, _ in plan], frozenset(n for n, one in enumerate(plan) if one[2] and n % 3 == 0)
    )
    done, failure = asyncio.run(run_in_key_order(work.steps(), at_once, lambda: len(work.begun) < enough))
    assert work.begun == list(range(len(work.begun)))
    assert work.under_way == set()
    assert work.most <= at_once
    assert set(range(done)) <= set(work.done)
    if failure is None:
        assert done == len(work.begun)
        assert done == len(plan) or done >= enough
    else:
        assert failure.args == (done,)


async def test_other_keys_go_on_meanwhile() -> None:
    met = asyncio.Barrier(3)

    async def meet() -> None:
        await met.wait()

    async with asyncio.timeout(5):
        assert await run_in_key_order([("a", meet), ("b", meet), ("c", meet)], 3, lambda: True) == (3, None)


async def test_nothing_begins_after_a_failure() -> None:
    work = Work([1, 1, 1], [1, 1, 1], frozenset({1}))
    done, failure = await run_in_key_order(work.steps(), 2, lambda: True)
    assert (done, work.begun, str(failure)) == (1, [0, 1], "1")

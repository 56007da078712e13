"""The window of the circuit breaker against the whole list of outcomes."""

from hypothesis import given
from hypothesis import strategies as st

from api_base.infrastructure.resilience.circuit_breaker import Tally, Window

OUTCOMES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(0, 1)), max_size=50)
"""Seconds since the one before, failed, slow."""


@given(outcomes=OUTCOMES)
def test_the_last_so_many_seconds_in_ten_parts(outcomes: list[tuple[int, int, int]]) -> None:
    window, now, noted = Window(20), 0, []
    for pause, failed, slow in outcomes:
        now += pause
        noted.append((now, failed, slow))
        seen = window.add(Tally(1, failed, slow), now)
        last = [one for one in noted if now // 2 - one[0] // 2 <= 9]
        assert seen == Tally(len(last), sum(one[1] for one in last), sum(one[2] for one in last))

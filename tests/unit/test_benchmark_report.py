"""The interval that a benchmark prints for its median."""

import pytest

from benchmarks.report import interval


@pytest.mark.parametrize(
    ("rounds", "ranks"),
    [(5, None), (6, (1, 6)), (8, (1, 8)), (9, (2, 8)), (15, (4, 12)), (21, (6, 16)), (45, (16, 30))],
)
def test_the_interval_has_the_ranks_of_the_sign_test(rounds: int, ranks: tuple[int, int] | None) -> None:
    assert interval([float(rank) for rank in reversed(range(1, rounds + 1))]) == ranks

"""What counts as noticed: a test fails with the mutation, fails again alone, and passes without it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.mutants.coverage_map import CoverageMap
from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation, mutations
from tools.mutants.operators import edits
from tools.mutants.runs import Ended
from tools.mutants.trial import Trial

A, B = "tests/unit/test_mutants.py::test_a", "tests/unit/test_mutants.py::test_b"
NEWER, NEWEST = "tests/unit/test_mutant_swap.py::test_a", "tests/unit/test_mutant_swap.py::test_b"
"""Not in the map of coverage."""
Fails = Callable[[str, bool, int], bool]


class Runs:
    """Stands for the copy of the project: `fails` says of a test whether it fails, changed or not, in its run of this number."""

    def __init__(self, folder: Path, fails: Fails) -> None:
        self.outcomes = folder / "outcomes.json"
        self.running = A
        self.limit: Any = None
        self.runs: list[tuple[Sequence[str], bool]] = []
        self.starts = 0
        self._fails = fails

    def start(self) -> list[str]:
        self.starts += 1
        return [A, B, NEWER, NEWEST]

    def run(self, chosen: Sequence[str], *, stop: bool, seconds: float, group: Sequence[Mutation] = ()) -> Ended:
        changed = bool(group)
        self.runs.append((chosen, changed))
        if self.limit is not None and changed:
            return Ended(code=None, limit=self.limit)
        failed = [test for test in chosen if self._fails(test, changed, len(self.runs))]
        self.outcomes.write_text(json.dumps({"failed": failed[:1] if stop else failed}))
        return Ended(code=1 if failed else 0, limit=None)


def mutation() -> Mutation:
    source = b"def f(a):\n    return a > 1\n"
    return mutations("src/api_base/domain/a.py", source, edits(source))[0]


@pytest.fixture
def measured() -> CoverageMap:
    return CoverageMap(
        tests=[A, B], seconds=[0.1, 0.2], lines={mutation().path: {"2": [0, 1]}}, imported={}, failed=[], present={A, B, NEWER, NEWEST}
    )


@pytest.fixture
def noticed(tmp_path: Path, measured: CoverageMap) -> Callable[..., str | None]:
    def run(fails: Fails, limit: str | None = None) -> str | None:
        tree: Any = Runs(tmp_path, fails)
        tree.limit = limit
        journal = Journal(tmp_path / "journal.jsonl", "source", "tests")
        Trial([tree], measured, journal).run([mutation()])
        return journal.noticed(mutation())

    return run


def test_a_test_that_fails_with_the_change_alone_notices_it(noticed: Callable[..., str | None]) -> None:
    assert noticed(lambda test, changed, number: changed and test == B) == B


def test_a_failure_that_does_not_repeat_does_not_count(noticed: Callable[..., str | None]) -> None:
    assert noticed(lambda test, changed, number: number == 1) is None


def test_a_newer_test_that_fails_without_the_change_does_not_count(noticed: Callable[..., str | None]) -> None:
    assert noticed(lambda test, changed, number: test == NEWER) is None


@pytest.mark.parametrize(("notices", "found"), [(True, A), (False, None)])
def test_what_the_tests_share_is_started_again_when_a_known_test_fails_without_the_change(
    tmp_path: Path, measured: CoverageMap, notices: bool, found: str | None
) -> None:
    tree: Any = Runs(tmp_path, lambda test, changed, number: tree.starts == 0 or (notices and changed and test == A))
    journal = Journal(tmp_path / "journal.jsonl", "source", "tests")
    Trial([tree], measured, journal).run([mutation()])
    assert (journal.noticed(mutation()), tree.starts) == (found, 1)


def test_no_mutation_meets_a_test_of_more_than_ten_seconds(measured: CoverageMap) -> None:
    found = replace(measured, seconds=[10.0, 10.1]).quick([A, B, NEWER])
    assert found.reaching(mutation()) == {A, NEWER}
    assert found.choose(mutation()) == [A, NEWER]


def test_a_survivor_meets_the_whole_files_whose_tests_execute_it_and_newer_ones(measured: CoverageMap) -> None:
    elsewhere = "tests/unit/test_item.py::test_a"
    more = replace(measured, tests=[A, B, elsewhere], seconds=[0.1, 0.2, 0.3], present={A, B, elsewhere, NEWER})
    assert more.reaching(mutation()) == {A, B, NEWER}
    assert replace(more, lines={mutation().path: {"2": [0]}}).reaching(mutation()) == {A, B, NEWER}
    assert replace(more, imported={mutation().path: [2]}).reaching(mutation()) == more.present


def test_another_test_counts_when_the_first_fails_without_the_change(noticed: Callable[..., str | None]) -> None:
    assert noticed(lambda test, changed, number: test == NEWER or (changed and test == NEWEST)) == NEWEST


@pytest.mark.parametrize(("limit", "how"), [("cpu", "loops"), ("clock", "waits")])
def test_a_run_that_does_not_end_says_how(noticed: Callable[..., str | None], limit: str, how: str) -> None:
    assert noticed(lambda test, changed, number: False, limit) == f"{A} ({how})"


def test_a_survivor_of_the_chosen_tests_meets_the_whole_suite(noticed: Callable[..., str | None], tmp_path: Path) -> None:
    assert noticed(lambda test, changed, number: False) is None
    entries = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [entry["by"] for entry in entries] == ["chosen", "suite"]

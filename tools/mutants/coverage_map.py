"""Which tests execute which lines, measured once for a state of the source and kept."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from coverage import CoverageData

from tools.mutants.mutation import Mutation
from tools.mutants.scope import SOURCE, SUITE
from tools.mutants.tree import Tree

ARGUMENTS: Final = ("-n", "2", "--cov=api_base", "--cov-config=tools/mutants/coverage.ini", "--cov-context=test", "--cov-report=")
MAX_SECONDS: Final = 5400.0
MAX_TESTS: Final = 150
MAX_CHOSEN_SECONDS: Final = 30.0
"""Of the tests chosen for a mutation, by their durations; the others it meets with the whole suite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageMap:
    """`lines` gives the numbers of the tests that execute a line, by file and line; `tests` are ids in order of duration.

    `failed` are the tests that fail without any mutation; `present` are those that the tests' files have now.
    """

    tests: Sequence[str]
    seconds: Sequence[float]
    lines: Mapping[str, Mapping[str, Sequence[int]]]
    failed: Sequence[str]
    present: Set[str] = frozenset()

    def choose(self, mutation: Mutation) -> list[str]:
        """The quickest tests that execute the mutated lines, or for what is executed by importing, any line of the file."""
        lines = self.lines.get(mutation.path, {})
        span = range(mutation.first_line, mutation.last_line + 1)
        numbers = {number for line in span for number in lines.get(str(line), ())} or {number for line in lines.values() for number in line}
        chosen: list[str] = []
        left = MAX_CHOSEN_SECONDS
        for number in self._in_turn(number for number in numbers if self.tests[number] in self.present):
            left -= self.seconds[number]
            if len(chosen) == MAX_TESTS or (left < 0 and chosen):
                break
            chosen.append(self.tests[number])
        return chosen

    def _in_turn(self, numbers: Iterable[int]) -> list[int]:
        """The quickest test of each file first, then the second of each, and so on: the tests of one file notice much the same."""
        places: Counter[str] = Counter()
        turns = []
        for number in sorted(numbers):
            file = self.tests[number].partition("::")[0]
            turns.append((places[file], number))
            places[file] += 1
        return [number for _, number in sorted(turns)]


def coverage_map(tree: Tree, kept: Path) -> CoverageMap:
    """The map in the file `kept`; measured first if there is none. Tests that fail without any mutation are left out."""
    if not kept.exists():
        tree.run([*ARGUMENTS, *SUITE], MAX_SECONDS)
        content = _measured(tree)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(content), encoding="utf-8")
    found = CoverageMap(**json.loads(kept.read_text(encoding="utf-8")))
    tree.run(["--collect-only", *SUITE], MAX_SECONDS)
    return replace(found, present=frozenset(json.loads(tree.outcomes.read_text(encoding="utf-8"))["collected"]))


def _measured(tree: Tree) -> dict[str, object]:
    outcomes = json.loads(tree.outcomes.read_text(encoding="utf-8"))
    seconds: dict[str, float] = outcomes["seconds"]
    failed = set(outcomes["failed"])
    tests = sorted(seconds.keys() - failed, key=lambda test: (seconds[test], test))
    number_of = {test: number for number, test in enumerate(tests)}
    data = CoverageData(str(tree.coverage))
    data.read()
    lines: dict[str, dict[str, list[int]]] = {}
    for file in data.measured_files():
        path = SOURCE + file.rpartition(SOURCE)[2]
        for line, contexts in data.contexts_by_lineno(file).items():
            numbers = {number_of[test] for context in contexts if (test := context.rpartition("|")[0]) in number_of}
            if numbers:
                lines.setdefault(path, {})[str(line)] = sorted(numbers)
    return {"tests": tests, "seconds": [round(seconds[test], 4) for test in tests], "lines": lines, "failed": sorted(failed)}

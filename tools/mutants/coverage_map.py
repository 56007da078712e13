"""Which tests execute which lines, measured once for a state of the source and kept."""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Final, Self

from coverage import CoverageData

from tools.mutants.mutation import Mutation
from tools.mutants.scope import ROOT, SOURCE, SUITE
from tools.mutants.tree import Tree, fingerprint

ARGUMENTS: Final = (
    "-n",
    "2",
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
    "--cov=api_base",
    "--cov-config=tools/mutants/coverage.ini",
    "--cov-context=test",
    "--cov-report=",
)
MAX_TEST_SECONDS: Final = 10.0
"""Of a test: longer ones are left out, since a mutation that none of the others notices meets all that remain."""
MAX_TESTS: Final = 400
MAX_SECONDS: Final = (20.0, 6.0, 6.0)
"""Of the tests chosen for a mutation, by their durations and distance; the others it meets with the whole suite."""


@dataclass(frozen=True, kw_only=True)
class CoverageMap:
    """`lines` gives the numbers of the tests that execute a line, by file and line; `tests` are ids in order of duration.

    `imported` are the lines that are executed before any test, by file.

    `failed` are the tests that fail without any mutation; `present` are those that the tests' files have now.
    """

    tests: Sequence[str]
    seconds: Sequence[float]
    lines: Mapping[str, Mapping[str, Sequence[int]]]
    imported: Mapping[str, Sequence[int]]
    failed: Sequence[str]
    present: Set[str] = frozenset()

    @cached_property
    def durations(self) -> Mapping[str, float]:
        """The seconds of each test."""
        return dict(zip(self.tests, self.seconds, strict=True))

    def quick(self, present: Iterable[str]) -> Self:
        """Return the map for the tests of `present` that are not too long, as far as it knows."""
        return replace(self, present=frozenset(test for test in present if self.durations.get(test, 0.0) <= MAX_TEST_SECONDS))

    def choose(self, mutation: Mutation) -> list[str]:
        """The tests to run first: those in the nearest and quickest files, and every test that is newer than the map.

        They execute the mutated lines; for what is executed by importing, any line of the file; if there is none, they are near the file.
        """
        numbers = self._executing(mutation) or {number for line in self.lines.get(mutation.path, {}).values() for number in line}
        if not numbers:
            numbers = {number for number, test in enumerate(self.tests) if _distance(_file(test), mutation.path) < 2}
        ranked = sorted(
            (_distance(_file(self.tests[number]), mutation.path), self._slowest[_file(self.tests[number])], number)
            for number in numbers
            if self.tests[number] in self.present
        )
        chosen: list[str] = []
        spent = [0.0] * len(MAX_SECONDS)
        files: set[str] = set()
        for distance, slowest, number in ranked:
            test = self.tests[number]
            spent[distance] += self.durations[test] if _file(test) in files else slowest
            if spent[distance] <= MAX_SECONDS[distance]:
                files.add(_file(test))
                chosen.append(test)
        chosen = chosen or [self.tests[min(number for _, _, number in ranked)]] if ranked else []
        return chosen[:MAX_TESTS] + sorted(self.present - self.durations.keys() - set(self.failed))

    def reaching(self, mutation: Mutation) -> Set[str]:
        """The tests that can notice the mutation: those in the files of which a test executes it, and every test that is newer than the map.

        They are whole files, since a fixture that a file shares is executed for its first test only. What an import executes, or nothing that was
        measured, can reach any test.
        """
        files = {_file(self.tests[number]) for number in self._executing(mutation)}
        return {test for test in self.present if _file(test) in files or test not in self.durations} if files else self.present

    def _executing(self, mutation: Mutation) -> Set[int]:
        """The numbers of the tests that execute the mutated lines; none if an import executes them too, which says nothing about tests."""
        span, lines = range(mutation.first_line, mutation.last_line + 1), self.lines.get(mutation.path, {})
        if not set(self.imported.get(mutation.path, ())).isdisjoint(span):
            return frozenset()
        return {number for line in span for number in lines.get(str(line), ())}

    @cached_property
    def _slowest(self) -> Mapping[str, float]:
        """The seconds of the slowest test of each file: one of them waits for the fixtures of all."""
        slowest: dict[str, float] = {}
        for test, seconds in self.durations.items():
            slowest[_file(test)] = max(slowest.get(_file(test), 0.0), seconds)
        return slowest


def _file(test: str) -> str:
    return test.partition("::")[0]


@cache
def _distance(file: str, path: str) -> int:
    """0 for a file of tests that imports the module at `path`, 1 for one that imports its package, 2 for others."""
    text = (ROOT / file).read_text(encoding="utf-8")
    module = path.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return 0 if f"{module} import" in text else 1 if module.rpartition(".")[0] in text else 2


def coverage_map(folder: Path) -> CoverageMap:
    """The map kept in `folder` for the state of the source; measured first if there is none. It leaves out tests that fail unchanged."""
    kept = folder / f"coverage-{fingerprint('src')}.json"
    if not kept.exists():
        tree = Tree(folder / "tree-coverage")
        tree.measure([*ARGUMENTS, *SUITE])
        kept.write_text(json.dumps(_measured(tree)), encoding="utf-8")
    return CoverageMap(**json.loads(kept.read_text(encoding="utf-8")))


def _measured(tree: Tree) -> dict[str, object]:
    outcomes = json.loads(tree.outcomes.read_text(encoding="utf-8"))
    seconds: dict[str, float] = outcomes["seconds"]
    failed = set(outcomes["failed"])
    tests = sorted(seconds.keys() - failed, key=lambda test: (seconds[test], test))
    number_of = {test: number for number, test in enumerate(tests)}
    data = CoverageData(str(tree.coverage))
    data.read()
    lines: dict[str, dict[str, list[int]]] = {}
    imported: dict[str, list[int]] = {}
    for file in data.measured_files():
        path = SOURCE + file.rpartition(SOURCE)[2]
        for line, contexts in data.contexts_by_lineno(file).items():
            numbers = {number_of[test] for context in contexts if (test := context.rpartition("|")[0]) in number_of}
            if numbers:
                lines.setdefault(path, {})[str(line)] = sorted(numbers)
            if "" in contexts:
                imported.setdefault(path, []).append(line)
    rounded = [round(seconds[test], 4) for test in tests]
    return {"tests": tests, "seconds": rounded, "lines": lines, "imported": imported, "failed": sorted(failed)}

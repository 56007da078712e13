"""Tries mutations: first the tests that execute the changed line, then, for what survived, the whole suite."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tools.mutants.coverage_map import CoverageMap
from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation
from tools.mutants.scope import SUITE
from tools.mutants.tree import Tree

GROUP: Final = 8
"""Survivors that meet the whole suite together: when it passes, none of them was noticed; when it fails, they meet it in halves."""
NO_TESTS: Final = 5
"""pytest's exit code when it ran nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`trees` are the copies of the project, one for each worker."""

    trees: Sequence[Tree]
    tests: CoverageMap
    journal: Journal

    def run(self, sample: Sequence[Mutation]) -> None:
        """Try what the journal has not."""
        free: SimpleQueue[Tree] = SimpleQueue()
        for tree in self.trees:
            free.put(tree)

        def quick(mutation: Mutation) -> None:
            tree = free.get()
            try:
                self.journal.quick(mutation, self._noticed_by_chosen(tree, mutation))
            finally:
                free.put(tree)

        with ThreadPoolExecutor(len(self.trees)) as pool:
            list(pool.map(quick, [one for one in sample if not self.journal.tried(one)]))
            survivors = [one for one in sample if self.journal.survived_quick(one)]

            def whole(group: Sequence[Mutation]) -> None:
                tree = free.get()
                try:
                    self._meet_suite(tree, group)
                finally:
                    free.put(tree)

            list(pool.map(whole, _groups(survivors)))

    def _noticed_by_chosen(self, tree: Tree, mutation: Mutation) -> str | None:
        """What noticed the mutation: the first test that failed, or what else ended the run."""
        before = self.journal.noticed_before(mutation)
        chosen = self.tests.choose(mutation)
        if before is not None and before in self.tests.present:
            chosen = [before, *(test for test in chosen if test != before)]
        return _run(tree, ["-x", "--timeout=60", *chosen], self._seconds(chosen), [mutation]) if chosen else None

    def _seconds(self, chosen: Sequence[str]) -> float:
        known = dict(zip(self.tests.tests, self.tests.seconds, strict=True))
        return 120 + 4 * sum(known.get(test, 0) for test in chosen)

    def _meet_suite(self, tree: Tree, group: Sequence[Mutation]) -> None:
        left_out = [f"--deselect={test}" for test in self.tests.failed]
        noticed = _run(tree, ["-x", "--timeout=120", *left_out, *SUITE], 120 + 4 * sum(self.tests.seconds), group)
        if noticed is None or len(group) == 1:
            for mutation in group:
                self.journal.whole(mutation, noticed)
            return
        half = len(group) // 2
        self._meet_suite(tree, group[:half])
        self._meet_suite(tree, group[half:])


def _run(tree: Tree, arguments: Sequence[str], seconds: float, group: Sequence[Mutation]) -> str | None:
    code = tree.run(arguments, seconds, group)
    if code is None:
        return "timeout"
    if code in (0, NO_TESTS):
        return None
    return _first_failed(tree.outcomes) or "import"


def _first_failed(outcomes: Path) -> str | None:
    if not outcomes.exists():
        return None
    failed: list[str] = json.loads(outcomes.read_text(encoding="utf-8"))["failed"]
    return failed[0] if failed else None


def _groups(survivors: Sequence[Mutation]) -> Iterator[list[Mutation]]:
    """Of at most `GROUP`, in which no two change the same lines."""
    groups: list[list[Mutation]] = []
    for one in survivors:
        for group in groups:
            if len(group) < GROUP and not any(_meet(one, other) for other in group):
                group.append(one)
                break
        else:
            groups.append([one])
    yield from groups


def _meet(one: Mutation, other: Mutation) -> bool:
    return one.path == other.path and one.first_line <= other.last_line and other.first_line <= one.last_line

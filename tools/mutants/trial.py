"""Tries mutations: first the tests that execute the changed line, then, for what survived, the whole suite.

A test notices a mutation when it fails with it twice, the second time alone, and passes alone without it: a failure of the loaded machine
does not count. So does a run that ends at a limit: an endless loop, or a test that waits for ever.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Lock
from typing import Final

from tools.mutants.coverage_map import CoverageMap
from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation
from tools.mutants.tree import Tree

FIRST: Final = 12
"""Tests that a mutation meets before the others are collected: most are noticed by these."""
GROUP: Final = 16
"""Survivors that meet the whole suite together; each then meets alone the tests that failed."""
NOTHING_FAILED: Final = (0, 5)
"""pytest's exit codes for success, and for having run nothing."""
UNKNOWN_SECONDS: Final = 10.0
LOOPS: Final = " (loops)"
WAITS: Final = " (waits)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`tests` failed; without any, their files cannot be imported. `limit` ended the run in the last of them."""

    tests: Sequence[str]
    limit: str | None

    @property
    def text(self) -> str:
        how = {None: "", "cpu": LOOPS, "clock": WAITS}[self.limit]
        return (self.tests[0] if self.tests else "import") + how


@dataclass(frozen=True, slots=True)
class Trial:
    """`trees` are the copies of the project, one for each worker."""

    trees: Sequence[Tree]
    tests: CoverageMap
    journal: Journal
    _passes: dict[str, bool] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def run(self, sample: Sequence[Mutation]) -> None:
        """Try what the journal has not."""
        free: SimpleQueue[Tree] = SimpleQueue()
        for tree in self.trees:
            free.put(tree)

        def on_a_tree[T](action: Callable[[Tree, T], None]) -> Callable[[T], None]:
            def act(subject: T) -> None:
                tree = free.get()
                try:
                    action(tree, subject)
                finally:
                    free.put(tree)

            return act

        with ThreadPoolExecutor(len(self.trees)) as pool:
            list(pool.map(on_a_tree(self._meet_chosen), [one for one in sample if not self.journal.tried(one)]))
            survivors = [one for one in sample if self.journal.survived_quick(one)]
            list(pool.map(on_a_tree(self._meet_suite), _groups(survivors)))

    def _meet_chosen(self, tree: Tree, mutation: Mutation) -> None:
        before = self.journal.noticed_before(mutation)
        chosen = self.tests.choose(mutation)
        if before is not None and (before := before.removesuffix(LOOPS).removesuffix(WAITS)) in self.tests.present:
            chosen = [before, *(test for test in chosen if test != before)]
        self.journal.quick(mutation, self._noticed(tree, mutation, chosen))

    def _noticed(self, tree: Tree, mutation: Mutation, chosen: Sequence[str]) -> str | None:
        """What noticed the mutation: the first test that fails again, alone."""
        for some in (chosen[:FIRST], chosen[FIRST:]):
            left = list(some)
            while left and (failure := self._failure(tree, left, [mutation])) is not None:
                suspects = failure.tests or left[:1]
                again = self._failure(tree, suspects, [mutation])
                if again is not None and self._passes_unchanged(tree, suspects[0]):
                    return again.text
                left = [test for test in left if test not in suspects]
        return None

    def _failure(self, tree: Tree, chosen: Sequence[str], group: Sequence[Mutation]) -> Failure | None:
        """Run `chosen` until the first one fails."""
        known = self.tests.durations
        ended = tree.run(chosen, stop=True, seconds=sum(known.get(test, UNKNOWN_SECONDS) for test in chosen), group=group)
        if ended.limit is not None:
            return Failure(tests=[tree.running], limit=ended.limit)
        return None if ended.code in NOTHING_FAILED else Failure(tests=_failed(tree), limit=None)

    def _passes_unchanged(self, tree: Tree, test: str) -> bool:
        """Measuring the coverage has shown it for most; a test that is newer runs once."""
        if test in self.tests.durations:
            return True
        if test not in self._passes:
            passes = self._failure(tree, [test], []) is None
            with self._lock:
                self._passes[test] = passes
        return self._passes[test]

    def _meet_suite(self, tree: Tree, group: Sequence[Mutation]) -> None:
        suite = sorted(self.tests.present - set(self.tests.failed))
        ended = tree.run(suite, stop=False, seconds=sum(self.tests.seconds), group=group)
        if ended.code in NOTHING_FAILED:
            for mutation in group:
                self.journal.whole(mutation, None)
        elif failed := _failed(tree):
            for mutation in group:
                self.journal.whole(mutation, self._noticed(tree, mutation, failed))
        elif len(group) == 1:
            self.journal.whole(group[0], Failure(tests=[tree.running] if ended.limit else [], limit=ended.limit).text)
        else:
            self._meet_suite(tree, group[: len(group) // 2])
            self._meet_suite(tree, group[len(group) // 2 :])


def _failed(tree: Tree) -> list[str]:
    if not tree.outcomes.exists():
        return []
    found: list[str] = json.loads(tree.outcomes.read_text(encoding="utf-8"))["failed"]
    return found


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

"""Tries mutations: first the quickest tests that execute the changed line, then, for what survived, every test that it can reach.

A test notices a mutation when it fails with it twice, the second time alone, and passes alone without it: a failure of the loaded machine
does not count. So does a run that ends at a limit: an endless loop, or a test that waits for ever.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

from tools.mutants.coverage_map import CoverageMap
from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation
from tools.mutants.tree import Tree

FIRST: Final = 12
"""Tests that a mutation meets before the others are collected: most are noticed by these."""
GROUP: Final = 16
"""Survivors that meet tests together; each then meets alone the tests that failed."""
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
            survivors.sort(key=lambda one: len(self.tests.reaching(one)))  # a group meets the tests of all
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
                if (again := self._confirmed(tree, mutation, suspects)) is not None:
                    return again.text
                left = [test for test in left if test not in suspects]
        return None

    def _failure(self, tree: Tree, chosen: Sequence[str], group: Sequence[Mutation]) -> Failure | None:
        """Run `chosen` until the first one fails."""
        ended = tree.run(chosen, stop=True, seconds=self._seconds(chosen), group=group)
        if ended.limit is not None:
            return Failure(tests=[tree.running], limit=ended.limit)
        return None if ended.code in NOTHING_FAILED else Failure(tests=_failed(tree), limit=None)

    def _seconds(self, tests: Sequence[str]) -> float:
        known = self.tests.durations
        return sum(known.get(test, UNKNOWN_SECONDS) for test in tests)

    def _confirmed(self, tree: Tree, mutation: Mutation, suspects: Sequence[str]) -> Failure | None:
        """The failure of `suspects` if they fail again and the first one passes without the mutation.

        If a test that is known to pass fails without it, what the tests of the copy share is broken: it is started again.
        """
        again = self._failure(tree, suspects, [mutation])
        if again is None or self._failure(tree, suspects[:1], []) is None:
            return again
        if suspects[0] not in self.tests.durations:
            return None
        tree.start()
        return self._failure(tree, suspects, [mutation])

    def _meet_suite(self, tree: Tree, group: Sequence[Mutation]) -> None:
        reached = set().union(*(self.tests.reaching(mutation) for mutation in group))
        suite = sorted(reached - set(self.tests.failed))
        ended = tree.run(suite, stop=False, seconds=self._seconds(suite), group=group)
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

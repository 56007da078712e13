"""Compare collected test ids with those of an earlier commit: `pytest --collect-only -q | python -m tools.compare_tests`.

No test may vanish without a word: each id of before is collected now, or `tests/history/moves.tsv` has a row for it. A row is
`before<TAB>now<TAB>reason`. `before` is a test id, or what ids begin with: a folder, a module or a test function. For a module or
folder, the rest of the id stays as it was. For a function, its parameters may change as well, if it has at least as many cases as before.
An empty `now` means that the test was removed, and the reason says where its assertion is made, or why there is nothing left to assert.

`--list` prints the tests of now that stand where those of before were, in the order in which they were collected.
"""

import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HISTORY: Final = Path(__file__).parents[1] / "tests/history"
type Found = list[str] | str
"""The tests in the place of one, or the id under which it was looked for last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    before: str
    now: str
    reason: str

    @property
    def of_function(self) -> bool:
        return is_function(self.before) and is_function(self.now)

    def covers(self, id: str) -> bool:
        """True for the id itself and for what lies below it."""
        return id == self.before or (id.startswith(self.before) and (self.before[-1] in ":/" or id[len(self.before)] in ":/["))


def is_function(id: str) -> bool:
    return "::" in id and not id.endswith("::") and "[" not in id


def function_of(id: str) -> str:
    return id.partition("[")[0]


def parse_moves(lines: Iterable[str]) -> list[Move]:
    """The rows of a table. Its first line names the columns. Raises ValueError for a row that is not one."""
    rows = list(lines)
    moves = []
    for number, line in enumerate(rows[1:], 2):
        before, now, reason = (*line.split("\t"), "", "")[:3]
        if not before or not reason.strip() or line.count("\t") != 2:
            raise ValueError(f"line {number} must be before<TAB>now<TAB>reason, with a reason: {line!r}")
        moves.append(Move(before=before, now=now, reason=reason))
    return moves


def missing(before: Iterable[str], now: Iterable[str], moves: Iterable[Move]) -> dict[str, str]:
    """Each id of before that is neither collected now nor moved, with the id that was looked for last."""
    return {id: found for id, found in _search(list(before), now, moves) if isinstance(found, str)}


def successors(before: Iterable[str], now: Sequence[str], moves: Iterable[Move]) -> list[str]:
    """The tests of now that stand where those of before were, in the order of `now`."""
    found = {one for _, ids in _search(list(before), now, moves) if not isinstance(ids, str) for one in ids}
    return [id for id in now if id in found]


def _search(before: Sequence[str], now: Iterable[str], moves: Iterable[Move]) -> Iterator[tuple[str, Found]]:
    search = Search(now, Counter(map(function_of, before)), sorted(moves, key=lambda move: -len(move.before)))
    return ((id, search.find(id)) for id in before)


class Search:
    def __init__(self, now: Iterable[str], cases: Mapping[str, int], moves: list[Move]) -> None:
        self._now: dict[str, list[str]] = defaultdict(list)
        """Each test by its id, and the cases of each function."""
        for id in now:
            for name in {id, function_of(id)}:
                self._now[name].append(id)
        self._cases, self._moves = cases, moves

    def find(self, id: str) -> Found:
        """The tests that stand in its place, none for one that was removed with a reason; for a lost one the last id of its path through the table."""
        unused = list(self._moves)
        while id not in self._now:
            move = next((one for one in unused if one.covers(id)), None)
            if move is None:
                return id
            if not move.now or self._has_all_cases(move):
                return self._now.get(move.now, [])
            unused.remove(move)
            id = move.now + id.removeprefix(move.before)
        return self._now[id]

    def _has_all_cases(self, move: Move) -> bool:
        return move.of_function and len(self._now.get(move.now, ())) >= self._cases[move.before] > 0


def main(*, listing: bool) -> int:
    now = [line.rstrip("\n") for line in sys.stdin if "::" in line]
    moves = parse_moves((HISTORY / "moves.tsv").read_text(encoding="utf-8").splitlines())
    history = {file: gzip.decompress(file.read_bytes()).decode().splitlines() for file in sorted(HISTORY.glob("ids-*.txt.gz"))}
    if listing:
        print(*successors({id: None for ids in history.values() for id in ids}, now, moves), sep="\n")
        return 0
    lost = 0
    for file, before in history.items():
        gone = missing(before, now, moves)
        for id, last in gone.items():
            print(
                f"{id} was collected at {file.name.removeprefix('ids-').partition('.')[0]} and is not now{'' if id == last else f', nor is {last}'}"
            )
        print(f"{file.name}: {len(before)} tests before, {len(now)} now, {len(gone)} missing")
        lost += len(gone)
    if lost:
        print("Bring these tests back, or say in tests/history/moves.tsv where they went.")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(listing=sys.argv[1:] == ["--list"]))

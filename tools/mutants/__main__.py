"""`python -m tools.mutants --sample 300 --seed 7`."""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tools.mutants import report
from tools.mutants.coverage_map import coverage_map
from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation, mutations
from tools.mutants.operators import edits
from tools.mutants.scope import MUTATED, ROOT, SOURCE, files
from tools.mutants.tree import Tree, fingerprint
from tools.mutants.trial import Trial

KEPT: Final = ROOT / ".mutants"
WORKERS: Final = 2


def sample(size: int, seed: int, within: str) -> list[Mutation]:
    """The `size` mutations that `seed` draws from the files whose path begins with `within`, in the order of their rank."""
    found: list[Mutation] = []
    for file in files():
        if file.as_posix().startswith(f"{SOURCE}/{within}"):
            source = (ROOT / file).read_bytes()
            found += mutations(file.as_posix(), source, edits(source))
    return sorted(found, key=lambda one: one.rank(seed))[:size]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="how many mutations to try")
    parser.add_argument("--seed", type=int, default=7, help="which ones: the same seed draws the same sample")
    parser.add_argument("--within", default="", help=f"only below this path, for example {MUTATED[0]}; writes no page")
    options = parser.parse_args(arguments)
    drawn = sample(options.sample, options.seed, options.within)
    tests = coverage_map(KEPT)
    trees = [Tree(KEPT / f"tree-{number}") for number in range(WORKERS)]
    journal = Journal(KEPT / "journal.jsonl", fingerprint("src"), fingerprint("tests"))
    with ThreadPoolExecutor(WORKERS) as pool:
        [present, *_] = pool.map(Tree.start, trees)
    try:
        Trial(trees, tests.quick(present), journal).run(drawn)
    finally:
        noticed = sum(journal.noticed(one) is not None for one in drawn)
        print(f"{noticed} of {sum(journal.tried(one) for one in drawn)} noticed")
        if not options.within:
            report.PAGE.write_text(report.page(drawn, options.seed, journal), encoding="utf-8")


if __name__ == "__main__":
    main()

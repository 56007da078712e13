"""`docs/mutants.md`: what the last run noticed, and a judgement for each survivor."""

import subprocess
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation
from tools.mutants.scope import MUTATED, ROOT, SOURCE, package_of

PAGE: Final = ROOT / "docs/mutants.md"
JUDGED: Final = Path(__file__).parent / "judged.toml"
"""Why a survivor changes nothing that a test could see; by place and change, so that it outlives edits elsewhere."""

_HEAD: Final = """# Mutation testing

`make mutants SAMPLE=300 SEED=7` changes one place of the code at a time and runs the tests: first the quickest that execute the changed line
(chosen by coverage), then, for what survived, every test that can reach it but those that start processes or take over 10 seconds. A change is
noticed when a test fails with it twice, the second time alone, and passes without it. The command works on copies of the project, continues where it was interrupted,
and rewrites this page. A mutation is *equivalent* when no test could notice it; `tools/mutants/judged.toml` says why for each.
Tests were written for what survived of the sample, so that of another seed is noticed less well.

Packages: {packages}.
"""


def judgements() -> Mapping[tuple[str, str, str, str], str]:
    """The reason why a mutation is equivalent, by path, scope, text before and text after."""
    entries = tomllib.loads(JUDGED.read_text(encoding="utf-8"))["equivalent"]
    return {(one["path"], one["scope"], one["before"], one["after"]): one["why"] for one in entries}


def page(sample: Sequence[Mutation], seed: int, journal: Journal) -> str:
    """The page for what has been tried."""
    judged = judgements()
    tried = [one for one in sample if journal.tried(one)]
    survivors = [one for one in tried if journal.noticed(one) is None]
    equivalent = [one for one in survivors if _key(one) in judged]
    noticed, counted = len(tried) - len(survivors), len(tried) - len(equivalent)
    open_ = sum(journal.survived_quick(one) for one in survivors)
    parts = [
        _HEAD.format(packages=", ".join(f"`{part}`" for part in MUTATED)),
        f"Sample of {len(sample)}, seed {seed}, at commit {_commit()}: {len(tried)} tried, {noticed} noticed, {len(equivalent)} equivalent, "
        f"{len(survivors) - len(equivalent)} not noticed: **{100 * noticed / max(1, counted):.1f} %** of the non-equivalent ones. "
        f"{open_} of the survivors have not met the whole suite.\n",
        _table(("package", "tried", "noticed", "survived"), _by_package(tried, survivors)),
        "## Survivors\n",
        _table(
            ("where", "change", "judgement"), [(_where(one), _change(one), judged.get(_key(one), "**not noticed**")) for one in survivors]
        ),
    ]
    return "\n".join(parts)


def _commit() -> str:
    """The last commit that changed the source."""
    command = ["git", "log", "-1", "--format=%h", "--", SOURCE]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _key(one: Mutation) -> tuple[str, str, str, str]:
    return one.path, one.scope, one.before, one.after


def _by_package(sample: Sequence[Mutation], survivors: Sequence[Mutation]) -> list[tuple[str, ...]]:
    tried, survived = (Counter(package_of(one.path) for one in some) for some in (sample, survivors))
    return [(f"`{part}`", str(tried[part]), str(tried[part] - survived[part]), str(survived[part])) for part in MUTATED if tried[part]]


def _where(one: Mutation) -> str:
    return f"`{one.path.removeprefix('src/api_base/')}` `{one.scope or 'module'}`"


def _change(one: Mutation) -> str:
    return f"{one.operator}: {_code(one.before)} → {_code(one.after)}"


def _code(text: str) -> str:
    short = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{short if len(short) <= 120 else short[:117] + '…'}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

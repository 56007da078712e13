"""`docs/mutants.md`: what the last run noticed, and a judgement for each survivor."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.mutants.journal import Journal
from tools.mutants.mutation import Mutation
from tools.mutants.scope import MUTATED, ROOT, package_of

PAGE: Final = ROOT / "docs/mutants.md"
JUDGED: Final = Path(__file__).parent / "judged.toml"
"""Why a survivor changes nothing that a test could see; by place and change, so that it outlives edits elsewhere."""

_HEAD: Final = """# Mutation testing

`make mutants SAMPLE=300 SEED=7` changes one place of the code at a time and runs the tests: first those that execute the changed line
(chosen by coverage), then, for what survived, all but the tests that start processes. The command works on copies of the project, continues where it was
interrupted, and rewrites this page. A mutation is *equivalent* when no test could notice it; `tools/mutants/judged.toml` says why for each.

Packages: {packages}.
"""


def judgements() -> Mapping[tuple[str, str, str, str], str]:
    """The reason why a mutation is equivalent, by path, scope, text before and text after."""
    entries = tomllib.loads(JUDGED.read_text(encoding="utf-8"))["equivalent"]
    return {(one["path"], one["scope"], one["before"], one["after"]): one["why"] for one in entries}


def page(sample: Sequence[Mutation], seed: int, journal: Journal) -> str:
    """The page for a finished run."""
    judged = judgements()
    survivors = [one for one in sample if journal.noticed(one) is None]
    equivalent = [one for one in survivors if _key(one) in judged]
    noticed, counted = len(sample) - len(survivors), len(sample) - len(equivalent)
    parts = [
        _HEAD.format(packages=", ".join(f"`{part}`" for part in MUTATED)),
        f"Sample of {len(sample)}, seed {seed}: {noticed} noticed, {len(equivalent)} equivalent, {len(survivors) - len(equivalent)} not noticed: "
        f"**{100 * noticed / counted:.1f} %** of the non-equivalent ones.\n",
        _table(("package", "tried", "noticed", "survived"), _by_package(sample, survivors)),
        "## Survivors\n",
        _table(
            ("where", "change", "judgement"), [(_where(one), _change(one), judged.get(_key(one), "**not noticed**")) for one in survivors]
        ),
    ]
    return "\n".join(parts)


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

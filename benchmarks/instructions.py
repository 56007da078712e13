"""Instructions per request of the application as shipped, in process, against another checkout: read by id, list of 50, create.

`python -m benchmarks instructions --against PATH`. Needs valgrind; PATH needs a ready `.venv`. Each checkout runs `counted.py` of this one
with its own packages and its own database. Instructions hardly depend on the load of the machine; the runs of both checkouts alternate, and
each pair of runs gives one ratio.
"""

import argparse
import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import show

HERE = Path(__file__).parents[1]
ROUNDS = 3
MAX_RATIO = 1.03
MAX_DECISION = 2.0
"""Percent of a read by id, for the decision about a limit in memory."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks instructions")
    parser.add_argument("--against", type=Path, required=True, metavar="PATH", help="the checkout to compare with")
    against: Path = parser.parse_args(arguments).against.resolve()
    rounds = [(counted(HERE), counted(against)) for _ in range(ROUNDS)]
    for kind in rounds[0][0]:
        show(f"{kind}: instructions", [ours[kind] / 1000 for ours, _ in rounds], "thousand")
        if kind in rounds[0][1]:
            ratios = [ours[kind] / theirs[kind] for ours, theirs in rounds]
            show(f"{kind}: instructions against {against.name}", ratios, "", owed=f"<= {MAX_RATIO}")
        else:
            show(f"{kind}: part of a get", [100 * ours[kind] / ours["get"] for ours, _ in rounds], "%", owed=f"<= {MAX_DECISION}")


def counted(checkout: Path) -> dict[str, float]:
    """Instructions per request, by kind: the median of its blocks. Raises `CalledProcessError` for a checkout that cannot run."""
    command = [checkout / ".venv/bin/python", HERE / "benchmarks/counted.py"]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    found = subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    blocks: dict[str, list[int]] = json.loads(found.splitlines()[-1])
    return {kind: statistics.median(figures) for kind, figures in blocks.items()}

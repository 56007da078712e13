"""Instructions per request of the application as shipped, in process, against another checkout: read by id, list of 50, create.

`python -m benchmarks instructions --against PATH`. Needs valgrind; PATH needs a ready `.venv`. Instructions hardly depend on the load
of the machine, so one run of each is enough. Each checkout runs `counted.py` of this one with its own packages and its own database.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import show

HERE = Path(__file__).parents[1]
MAX_RATIO = 1.05
MAX_DECISION = 2.0
"""Percent of a read by id, for the decision about a limit in memory."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks instructions")
    parser.add_argument("--against", type=Path, required=True, metavar="PATH", help="the checkout to compare with")
    against: Path = parser.parse_args(arguments).against.resolve()
    ours, theirs = counted(HERE), counted(against)
    for kind, figure in ours.items():
        show(f"{kind}: instructions", [figure / 1000], "thousand")
        if kind in theirs:
            show(f"{kind}: instructions against {against.name}", [figure / theirs[kind]], "", owed=f"<= {MAX_RATIO}")
        else:
            show(f"{kind}: part of a get", [100 * figure / ours["get"]], "%", owed=f"<= {MAX_DECISION}")


def counted(checkout: Path) -> dict[str, int]:
    """Instructions per request, by kind. Raises `CalledProcessError` for a checkout that cannot run."""
    command = [checkout / ".venv/bin/python", HERE / "benchmarks/counted.py"]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    found = subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures: dict[str, int] = json.loads(found.splitlines()[-1])
    return figures

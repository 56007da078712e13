"""The growth of each parser of what a stranger sends, when its input doubles: n, 2n and 4n are measured in instructions, by callgrind.

`python -m benchmarks growth`. Needs valgrind, and takes minutes. Instructions hardly depend on the machine and its load, and they include what
happens in C and Rust: regular expressions, `in` on a list, the normalization of Unicode, validation. `tests/unit/test_parsing_time.py` counts
lines of Python with the same inputs, in seconds.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.counted import totals
from benchmarks.parser_instructions import MEASURED, SIZES, SQUARES
from benchmarks.report import show

ROOT: Final = Path(__file__).parents[1]
GROWTH: Final = 2.5
CONSTANT: Final = 100_000
"""Instructions that may be fewer or more for a small input, in addition to what an empty input takes."""


def main() -> None:
    for name, figure in growth().items():
        show(name, [figure], "", owed=f"> {GROWTH}" if name in SQUARES else f"<= {GROWTH}")


def growth() -> dict[str, float]:
    """By the name of a parser, the larger factor by which the instructions grow from n to 2n and from 2n to 4n."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        callgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-before=getppid", f"--callgrind-out-file={out}"]
        fixed = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}
        command = [*callgrind, sys.executable, "-m", "benchmarks.parser_instructions"]
        subprocess.run(command, cwd=ROOT, env=os.environ | fixed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        counts = iter([totals(Path(f"{out}.{2 * number}")) for number in range(1, len(MEASURED) * len(SIZES) + 1)])
    return {name: _factor([next(counts) for _ in SIZES]) for name in MEASURED}


def _factor(amounts: list[int]) -> float:
    empty, *others = amounts
    small, middle, large = (max(0, one - empty) + CONSTANT for one in others)
    return max(middle / small, large / middle)

"""Each parser of what a stranger sends takes time in proportion to its input: n, 2n and 4n are measured in instructions, by callgrind.

Instructions hardly depend on the machine and its load, and they include what happens in C and Rust: regular expressions, `in` on a list, the
normalization of Unicode, validation. The price is some minutes and valgrind; `tests/unit/test_parsing_time.py` counts lines of Python instead.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.parser_instructions import MEASURED, PARSERS, SIZES, SQUARES
from tests.services import absent

ROOT: Final = Path(__file__).parents[2]
GROWTH: Final = 2.5
CONSTANT: Final = 100_000
"""Instructions that may be fewer or more for a small input, in addition to what an empty input takes."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """By the name of a parser, the larger factor by which the instructions grow from n to 2n and from 2n to 4n."""
    if shutil.which("valgrind") is None:
        absent("valgrind is not installed")
    out = tmp_path_factory.mktemp("callgrind") / "out"
    callgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-before=getppid", f"--callgrind-out-file={out}"]
    fixed = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}
    subprocess.run([*callgrind, sys.executable, "-m", "tests.parser_instructions"], cwd=ROOT, env=os.environ | fixed, check=True)
    counts = iter(_instructions(Path(f"{out}.{2 * number}")) for number in range(1, len(MEASURED) * len(SIZES) + 1))
    return {name: _growth([next(counts) for _ in SIZES]) for name in MEASURED}


def _instructions(dump: Path) -> int:
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)
    assert found is not None, dump
    return int(found[1])


def _growth(amounts: list[int]) -> float:
    empty, *others = amounts
    small, middle, large = (max(0, one - empty) + CONSTANT for one in others)
    return max(middle / small, large / middle)


@pytest.mark.parametrize("name", PARSERS)
def test_instructions_grow_in_proportion_to_the_input(growth: dict[str, float], name: str) -> None:
    assert growth[name] <= GROWTH


@pytest.mark.parametrize("name", SQUARES)
def test_the_measure_sees_a_square(growth: dict[str, float], name: str) -> None:
    assert growth[name] > GROWTH

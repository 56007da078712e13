"""Coverage measures the same branches by the interpreter's events as by its trace function."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isolation import unmeasured

MEASURING = Path(__file__).parents[1] / "measuring"

MEASURE = """
import asyncio, importlib, json, os, sys
from coverage import Coverage
if sys.argv[3] == "tests":
    import pytest_cov
coverage = Coverage(data_file=None, branch=True, source_pkgs=["shapes"], config_file=False)
if sys.argv[1] == "events":
    coverage.set_option("run:plugins", ["branch_events"])
coverage.start()
shapes = importlib.import_module("shapes")
for argument in json.loads(sys.argv[2]):
    try:
        asyncio.run(shapes.run(argument))
    except ValueError:
        pass
coverage.stop()
found = coverage._analyze(shapes.__file__)
print(json.dumps([type(coverage._collector.tracers[0]).__name__, sorted(found.missing), sorted(map(list, found.arcs_missing()))]))
"""

SHAPES = """
async def numbers(count):
    for number in range(count):
        if number == 3:
            raise ValueError(number)
        yield number


async def run(count):
    total = 0
    async for number in numbers(count):
        total += number
        if number == 1 and count == 2:
            break
    while total > 1:
        total -= 1
    else:
        total += 1
    squares = [one * one for one in range(count) if one]
    values = [one async for one in numbers(count)]
    match count:
        case 0:
            return "none"
        case 1 | 2:
            words = "few"
        case _:
            words = "many"
    try:
        if (
            total
            and squares
        ):
            words += "!"
    finally:
        total = 0
    with open("/dev/null") as empty:
        if not values: return empty
    return after(count) or words


def after(count):
    if count == 1:
        return None
    return recursive(count) if count else 0


def recursive(count):
    if not count:
        return 0
    return recursive(count - 1)


class Empty: pass
"""


def measured(core: str, arguments: list[int], folder: Path, process: str = "tests") -> tuple[str, list[int], list[list[int]]]:
    """The name of the tracer, and the lines and branches that it misses in the process of the tests or in a `program` that they start."""
    (folder / "shapes.py").write_text(SHAPES)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, core, json.dumps(arguments), process],
        env={**unmeasured(), "PYTHONPATH": f"{MEASURING}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        check=True,
    )
    name, lines, arcs = json.loads(done.stdout)
    return name, lines, arcs


@pytest.mark.parametrize("arguments", [[0], [1], [2], [3], [4], [0, 1], [1, 2], [2, 3, 4], [0, 1, 2, 3], [0, 1, 2, 3, 4]])
def test_both_find_the_same(arguments: list[int], tmp_path: Path) -> None:
    tracer, *traced = measured("trace", arguments, tmp_path)
    monitor, *monitored = measured("events", arguments, tmp_path)
    assert tracer == "CTracer"
    assert monitor != tracer
    assert monitored == traced


def test_a_program_measures_the_functions_of_what_it_imports(tmp_path: Path) -> None:
    _, missing, _ = measured("events", [3], tmp_path)
    _, missing_in_program, _ = measured("events", [3], tmp_path, "program")
    bodies = {number for number, line in enumerate(SHAPES.splitlines(), 1) if line.startswith(("def ", "async def ", "class "))}
    assert set(missing_in_program) == set(missing) | bodies

"""A test demands one outcome and waits for a condition, never for a fixed time.

One outcome: no assertion compares with a list of alternatives (`status_code in (201, 413)`), joins two values of one expression by `or`,
or demands only that an exit code or status differs from a value. A fixed time: no sleep of `MAX_SLEEP` or more outside a loop that
polls. Tests in virtual time wait for nothing and may sleep.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tools.documents import ROOT

OUTCOMES: Final = {"status_code", "returncode", "exit_code", "exitcode"}
MAX_SLEEP: Final = 0.05
"""Seconds. A shorter pause lets other tasks run."""
FILES: Final = sorted((ROOT / "tests").rglob("*.py"))
LOOPS: Final = ast.While | ast.For | ast.AsyncFor


def alternatives(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each part of an assertion that admits two outcomes, with its line."""
    for assertion in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
        for node in ast.walk(assertion.test):
            if (isinstance(node, ast.Compare) and admits_two(node)) or (isinstance(node, ast.BoolOp) and joins_two(node)):
                yield node.lineno, ast.unparse(node)


def admits_two(comparison: ast.Compare) -> bool:
    operator, right = comparison.ops[0], comparison.comparators[0]
    several = isinstance(right, ast.Tuple | ast.Set | ast.List) and len(right.elts) > 1
    if isinstance(operator, ast.In):
        return several or is_outcome(comparison.left)
    return is_outcome(comparison.left) and not isinstance(operator, ast.Eq | ast.Is)


def is_outcome(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Attribute) and expression.attr in OUTCOMES


def joins_two(alternative: ast.BoolOp) -> bool:
    compared = [ast.dump(one.left) for one in alternative.values if isinstance(one, ast.Compare) and isinstance(one.ops[0], ast.Eq)]
    return isinstance(alternative.op, ast.Or) and len(set(compared)) < len(compared)


def sleeps(tree: ast.AST, *, polling: bool = False) -> Iterator[tuple[int, str]]:
    """Each sleep of a fixed time outside a loop, with its line."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            if not (isinstance(node, ast.AsyncFunctionDef) and "in_virtual_time" in map(ast.unparse, node.decorator_list)):
                yield from sleeps(node)
            continue
        if isinstance(node, ast.Call) and is_fixed_sleep(node) and not polling:
            yield node.lineno, ast.unparse(node)
        yield from sleeps(node, polling=polling or isinstance(node, LOOPS))


def is_fixed_sleep(call: ast.Call) -> bool:
    if ast.unparse(call.func) not in ("sleep", "time.sleep", "asyncio.sleep") or not call.args:
        return False
    seconds = call.args[0]
    return isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float) and seconds.value >= MAX_SLEEP


def in_tests(findings: Iterator[tuple[int, str]], file: Path) -> list[str]:
    return [f"{file.relative_to(ROOT)}:{line}: {text}" for line, text in findings]


def test_no_assertion_admits_two_outcomes() -> None:
    found = [one for file in FILES for one in in_tests(alternatives(ast.parse(file.read_text(encoding="utf-8"))), file)]
    assert found == [], "demand the one outcome that is right: parametrize the test if it depends on the case"


def test_no_test_sleeps_for_a_fixed_time() -> None:
    found = [one for file in FILES for one in in_tests(sleeps(ast.parse(file.read_text(encoding="utf-8"))), file)]
    assert found == [], "wait for the condition, or inject the clock"


@pytest.mark.parametrize(
    "assertion",
    ["answer.status_code in (201, 413)", "done.returncode != 0", "state in {'ready', 'running'}", "result.exit_code > 0", "x == 1 or x == 2",
     "answer.status_code in ALLOWED", "all(one.status_code in (200, 304) for one in answers)"],
)  # fmt: skip
def test_an_assertion_of_two_outcomes_is_found(assertion: str) -> None:
    assert len(list(alternatives(ast.parse(f"assert {assertion}")))) == 1


@pytest.mark.parametrize(
    "assertion", ["answer.status_code == 201", "name in names", "not bad or bad in text", "x == 1 or y == 2", "0 < seconds < 9"]
)
def test_an_assertion_of_one_outcome_is_not_found(assertion: str) -> None:
    assert list(alternatives(ast.parse(f"assert {assertion}"))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("time.sleep(0.05)", 1),
        ("async def test():\n  await asyncio.sleep(1)", 1),
        ("while not done():\n  time.sleep(0.1)", 0),
        ("while True:\n  async def inner():\n    await asyncio.sleep(1)", 1),
        ("@in_virtual_time\nasync def test():\n  async def inner():\n    await asyncio.sleep(9)", 0),
        ("time.sleep(0.02)", 0),
        ("time.sleep(PAUSE)", 0),
    ],
)
def test_sleeps_of_a_fixed_time_are_found(code: str, found: int) -> None:
    assert len(list(sleeps(ast.parse(code)))) == found

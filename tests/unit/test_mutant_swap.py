"""Which changes count without importing their file again."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tools.mutants.swap import Swapper

SOURCE = """
from functools import wraps

LIMIT = 3

def doubled(number):
    return number * 2

CALLED = doubled(1)

def loud(function):
    @wraps(function)
    def called(text):
        return function(text).upper()
    return called

@loud
def greeting(text):
    return "hello " + text

class Account:
    floor = 0

    @property
    def allowed(self):
        return [number for number in range(5) if number < LIMIT]

def later(number=LIMIT):
    def inner():
        return number + 1
    return inner
"""

type Swap = Callable[[str, str], bool]


@pytest.fixture
def loaded(tmp_path: Path) -> tuple[ModuleType, Swap]:
    file = tmp_path / "changed.py"
    file.write_text(SOURCE)
    swapper = Swapper(str(tmp_path))
    spec = importlib.util.spec_from_file_location("changed", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    swapper.imported()

    def swap(before: str, after: str) -> bool:
        assert before in SOURCE
        return swapper.swap({str(file): (SOURCE.encode(), SOURCE.replace(before, after).encode())})

    return module, swap


def test_functions_methods_and_closures_are_exchanged(loaded: tuple[ModuleType, Swap]) -> None:
    module, swap = loaded
    account = module.Account()
    assert swap('"hello "', '"bye "')
    assert module.greeting("you") == "BYE YOU"
    assert swap("number < LIMIT", "number <= LIMIT")
    assert account.allowed == [0, 1, 2, 3]
    assert swap("number + 1", "number - 1")
    assert module.later()() == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("floor = 0", "floor = 1"),
        ("number=LIMIT", "number=0"),
        ("doubled(1)", "doubled(2)"),
        ("number * 2", "number * 3"),
        ("function(text).upper()", "function(text)"),
        ("def later", "def sooner"),
        ("LIMIT = 3", "LIMIT ="),
    ],
)
def test_what_runs_at_import_is_not_exchanged(loaded: tuple[ModuleType, Swap], before: str, after: str) -> None:
    _, swap = loaded
    assert not swap(before, after)

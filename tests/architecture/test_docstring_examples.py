"""Every example in a docstring does what it says."""

import doctest
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.modules import MODULES

EXAMPLES: Final = [
    test
    for module in MODULES
    if module.__file__ is not None and ">>> " in Path(module.__file__).read_text(encoding="utf-8")
    for test in doctest.DocTestFinder().find(module)
    if test.examples
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_example_does_what_it_says(example: doctest.DocTest) -> None:
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append)
    assert told == [], "".join(told)

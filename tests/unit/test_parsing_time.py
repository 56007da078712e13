"""Each parser of what a stranger sends takes time in proportion to its input: n, 2n and 4n are measured, as work and not as time.

Work is the number of executed lines, and the size of what functions in C walk through from its beginning: `list.count`, `str.replace`. What else
happens in C is counted by `python -m benchmarks growth`, which takes minutes.
"""

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from types import CodeType
from typing import Final

import pytest

from api_base.core.errors import ApiBaseError
from api_base.core.types import NO_REQUEST, current_context
from tests.parsers import PARSERS

START: Final = 250
GROWTH: Final = 2.5
CONSTANT: Final = 500
"""Work that does not depend on the input: a small input may take most of it, a cap ends the growth."""
WALKS: Final = frozenset(
    [
        "count",
        "decode",
        "encode",
        "endswith",
        "find",
        "fullmatch",
        "index",
        "join",
        "lower",
        "lstrip",
        "max",
        "min",
        "partition",
        "remove",
        "replace",
        "rfind",
        "rpartition",
        "rsplit",
        "rstrip",
        "search",
        "set",
        "sorted",
        "split",
        "splitlines",
        "strip",
        "sub",
        "sum",
        "translate",
        "tuple",
        "list",
        "upper",
    ]
)
_TOOL: Final = 4


class _Work:
    def __init__(self) -> None:
        self.amount = 0

    def line(self, code: CodeType, line: int) -> None:
        self.amount += 1

    def call(self, code: CodeType, offset: int, function: object, first: object) -> None:
        if isinstance(first, Collection) and getattr(function, "__name__", "") in WALKS:
            self.amount += len(first) // 64


@contextmanager
def measured() -> Iterator[_Work]:
    work, events = _Work(), sys.monitoring.events
    sys.monitoring.use_tool_id(_TOOL, "parsing")
    sys.monitoring.register_callback(_TOOL, events.LINE, work.line)
    sys.monitoring.register_callback(_TOOL, events.CALL, work.call)
    sys.monitoring.set_events(_TOOL, events.LINE | events.CALL)
    try:
        yield work
    finally:
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)


def growth(make: Callable[[int], str], parse: Callable[[str], object], start: int) -> list[float]:
    """The factors by which the work grows from n to 2n and from 2n to 4n. An input may be refused."""
    amounts = []
    for size in (start, 2 * start, 4 * start):
        value = make(size)
        with suppress(ApiBaseError):
            parse(value)  # what is done once does not count
        with measured() as work, suppress(ApiBaseError):
            parse(value)
        amounts.append(work.amount + CONSTANT)
    return [amounts[1] / amounts[0], amounts[2] / amounts[1]]


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    token = current_context.set(NO_REQUEST)
    yield
    current_context.reset(token)


@pytest.mark.parametrize("name", PARSERS)
def test_work_grows_in_proportion_to_the_input(name: str) -> None:
    parser = PARSERS[name]
    assert max(growth(parser.make, parser.parse, parser.start)) <= GROWTH


@pytest.mark.parametrize(
    "parse",
    [
        lambda text: [parts for parts in [text.split(",")] for part in parts if parts.count(part) > 1],
        lambda text: [one for one in text.split(",") for other in text.split(",")[:10_000] if one is other],
        lambda text: [text[:at].replace("a", "b") for at in range(0, len(text), 2)],
    ],
)
def test_the_measure_sees_a_square(parse: Callable[[str], object]) -> None:
    """The first is how a file with 12,000 columns stopped a process: the square is in C."""
    assert max(growth(lambda size: "a," * (2 * size), parse, START)) > GROWTH

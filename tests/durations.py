"""Runs the longest tests first, and reports tests over ten seconds that are not marked `slow`.

It is a report and no failure: a test that failed on a busy machine would depend on time.
"""

from collections import defaultdict
from typing import Final

import pytest

LIMIT: Final = 10.0
"""Seconds. `make test` deselects the tests marked `slow`; `.ci/run` runs them."""
_FOLDERS: Final = ("e2e", "integration", "contracts", "architecture", "unit")
"""The folders of the tests, those with the longest tests first: xdist hands out files in this order, so that none is left for the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by their folder and keep their order within it."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder = item.nodeid.split("/")[1] if item.nodeid.startswith("tests/") else ""
    return _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that need the marker."""
    seconds: defaultdict[str, float] = defaultdict(float)
    marked: set[str] = set()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid] += report.duration
                if "slow" in report.keywords:
                    marked.add(report.nodeid)
    found = [(taken, id) for id, taken in seconds.items() if taken > LIMIT and id not in marked]
    if found:
        terminalreporter.section(f"over {LIMIT:g} s and not marked slow")
        for taken, id in sorted(found, reverse=True):
            terminalreporter.line(f"{taken:6.1f} s  {id}")

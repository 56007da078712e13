"""Distributes the tests: the longest first, those of one broker in one process. Reports long tests that are not marked `slow`.

It is a report and no failure: a test that failed on a busy machine would depend on time.
"""

from collections import defaultdict
from typing import Any, Final

import pytest

LIMIT: Final = 5.0
"""Seconds in `.ci/run`, where a test takes twice as long and more. `make test` deselects the tests marked `slow`, so that it takes five minutes."""
_FOLDERS: Final = ("e2e", "integration", "contracts", "architecture", "unit")
"""The folders of the tests, those with the longest tests first: xdist hands out files in this order, so that none is left for the end."""
_SHARED: Final = {
    "kafka": ("kafka", "test_event_publisher", "test_outage"),
    "rabbitmq": ("rabbitmq", "test_job_transports", "test_remote_bus"),
    "mailpit": ("mailpit", "test_mail", "test_production"),
}
"""Servers that some tests stop or make fail, and what the names of the files contain whose tests use them."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, run all tests of one server in one process: in several they would wait for each other."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _server(nodeid) or super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def _server(nodeid: str) -> str | None:
    file = nodeid.partition("::")[0]
    return next((server for server, parts in _SHARED.items() if any(part in file for part in parts)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by their folder and keep their order within it. Tests of Kafka are first, because they wait for it most of the time."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    if _server(item.nodeid) == "kafka":
        return -1
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

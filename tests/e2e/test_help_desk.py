"""The example `help_desk`: an application of 450 lines on public names only, served by `api-base serve`, with tests of its own."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from tests.e2e.conftest import open_folder
from tests.e2e.documentation import ROOT
from tests.e2e.processes import environment, run, serving

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "help_desk"
LINES = 450
"""Of its own: not blank, formatted at 100 columns, without tests and generated revisions."""
VARIABLES = {"CONTEXTS": "help_desk:CONTEXTS", "CONTEXTS_DISABLED": "items", "PYTHONPATH": str(EXAMPLE / "src")}


def sources(folder: str) -> list[Path]:
    return [path for path in (EXAMPLE / folder).rglob("*.py") if "migrations" not in path.parts]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)


def test_it_is_short() -> None:
    formatted = [sys.executable, "-m", "ruff", "format", "--check", "--no-cache", EXAMPLE]
    assert subprocess.run(formatted, capture_output=True, check=False).returncode == 0
    assert len([line for path in sources("src") for line in path.read_text().splitlines() if line.strip()]) <= LINES


@pytest.mark.parametrize(("folder", "public"), [("src", {"api_base"}), ("tests", {"api_base", "api_base.testing"})])
def test_it_imports_public_names_only(folder: str, public: set[str]) -> None:
    used = {name for path in sources(folder) for name in imports(path) if name.partition(".")[0] == "api_base"}
    assert used == public


def test_its_own_tests_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "asyncio", "-p", "no:cacheprovider"],
        cwd=EXAMPLE,
        env=environment(PYTHONPATH=str(EXAMPLE / "src")),
        text=True,
        capture_output=True,
        check=False,
    )
    assert "12 passed" in done.stdout, done.stdout + done.stderr


def test_it_is_served() -> None:
    with open_folder() as home, serving(home, "--no-worker", **VARIABLES) as backend:
        answer = backend.ready().request("GET", "/desk/v1/tenants/nobody/articles")
        assert answer == (404, {"error": {"code": 404, "message": "No tenant with the id nobody exists."}})
        assert run(home, "check", **VARIABLES).stdout.startswith(f"The wiring of {len(BUILT_IN) + 4} contexts is sound.\n")

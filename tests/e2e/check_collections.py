"""Collections for Postman and Bruno, run by newman and bru against a server: `make collections`. It needs the npm registry."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, run, serving
from tests.node import install, run_node

NEWMAN: Final = "node_modules/newman/bin/newman.js"
BRU: Final = "node_modules/@usebruno/cli/bin/bru.js"
STEPS: Final = [("POST", 201), ("POST", 200), ("GET", 200), ("POST", 201), ("GET", 200)]
"""Register, log in, read the profile, create an item, list."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(Path(__file__).parent / "collections", tmp_path_factory.mktemp("collections"))


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    with serving(project.home, "--no-worker", **UNLIMITED) as running:
        yield running.ready()


@pytest.mark.parametrize("version", [1, 2])
def test_newman_takes_the_first_steps(backend: Backend, programs: Path, version: int) -> None:
    report = newman(backend, programs, version, "--folder", "First steps")
    assert [(one["item"]["request"]["method"], one["response"]["code"]) for one in report["executions"]] == STEPS
    assert report["stats"]["assertions"] == {"total": len(STEPS), "pending": 0, "failed": 0}


@pytest.mark.parametrize("version", [1, 2])
def test_bru_takes_the_first_steps(backend: Backend, programs: Path, version: int) -> None:
    found = bru(backend, programs, version, "First steps")
    assert [(one["request"]["method"], one["response"]["status"]) for one in found] == STEPS
    assert [one["assertionResults"][0]["status"] for one in found] == ["pass"] * len(STEPS)


def test_every_request_can_be_sent(backend: Backend, programs: Path) -> None:
    """Last: with the token that `Log out` ends, the others fail too often for the limit of their address."""
    sent = newman(backend, programs, 2)["stats"]["requests"]
    assert (sent["total"], sent["failed"]) == (len(bru(backend, programs, 2, "-r")), 0)
    assert sent["total"] > 90


def newman(backend: Backend, programs: Path, version: int, *arguments: str) -> dict[str, Any]:
    """What a run reports."""
    made = run(programs, "openapi", "postman", "--url", f"http://127.0.0.1:{backend.port}", "--version", str(version))
    (programs / "postman.json").write_text(made.stdout)
    run_node(programs, NEWMAN, "run", "postman.json", "--reporters", "json", "--reporter-json-export", "report.json", *arguments)
    found: dict[str, Any] = json.loads((programs / "report.json").read_text())["run"]
    return found


def bru(backend: Backend, programs: Path, version: int, *arguments: str) -> list[dict[str, Any]]:
    """The requests that a run reports. Files that it cannot read are not among them."""
    folder = Path(tempfile.mkdtemp(dir=programs))
    made = run(programs, "openapi", "bruno", str(folder), "--url", f"http://127.0.0.1:{backend.port}", "--version", str(version))
    assert made.returncode == 0, made.stderr
    (folder / "node_modules").symlink_to(programs / "node_modules")
    run_node(folder, BRU, "run", *arguments, "--env", "local", "--reporter-json", "report.json")
    found: list[dict[str, Any]] = json.loads((folder / "report.json").read_text())[0]["results"]
    return found

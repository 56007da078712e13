"""schemathesis' command line, with all checks and its links between operations, against a running server: `make schemathesis SEEDS=1`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, serving

HERE: Final = Path(__file__).parent / "schemathesis"
SEEDS: Final = os.environ.get("SCHEMATHESIS_SEEDS", "1").split(",")
PHASES: Final = {"examples,coverage,fuzzing": os.environ.get("SCHEMATHESIS_EXAMPLES", "25"), "stateful": "300"}
"""The numbers of examples. Few requests of a random sequence succeed, and only those lead on: links need many."""
LIMITS: Final = {
    **UNLIMITED,
    "RATE_LIMIT__FAILED_TOKENS": "1000000",
    "RATE_LIMIT__LOGIN_REQUESTS": "1000000",
    "RATE_LIMIT__LOGIN_BURST": "1000000",
}
"""It sends a bad token to each operation, and many requests."""


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    options = {**LIMITS, "SECURITY__ACCESS_TOKEN_SECONDS": "3600", "SERVER__OPENAPI_VERSION": "3.2"}
    with serving(project.home, **options) as running:
        yield running.ready()


@pytest.fixture(scope="module")
def token(project: Project, backend: Backend) -> str:
    """One for all runs: they try wrong passwords, so that later no login would be accepted for a while."""
    return project.log_in(backend)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("document", ["v2", "v1"])
@pytest.mark.parametrize("phases", PHASES)
def test_nothing_is_found(backend: Backend, token: str, tmp_path: Path, phases: str, document: str, seed: str) -> None:
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(HERE / "schemathesis.toml"), "run"]
    chosen = ["--seed", seed, "--phases", phases, "--max-examples", PHASES[phases]]
    options = [*chosen, "--no-color", "-H", f"Authorization: Bearer {token}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{backend.port}/openapi/{document}.json", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout

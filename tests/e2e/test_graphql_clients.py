"""GraphQL by clients that we did not write: the audits of npm's graphql-http, @urql/core, graphql-ws and graphql-sse, on a real server."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import UNLIMITED, Backend, serving

HERE = Path(__file__).parent / "graphql_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed packages and the programs that use them."""
    folder = tmp_path_factory.mktemp("graphql-client")
    for name in ("package.json", "audit.mjs", "client.mjs"):
        shutil.copy(HERE / name, folder)
    subprocess.run(
        ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True
    )
    return folder


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    with serving(project.home, **UNLIMITED) as running:
        yield running.ready()


def printed(client: Path, backend: Backend, *arguments: str) -> Any:
    done = subprocess.run(["node", *arguments], cwd=client, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_audit_of_graphql_over_http_passes(project: Project, client: Path, backend: Backend) -> None:
    seen = printed(client, backend, "audit.mjs", f"http://127.0.0.1:{backend.port}/graphql", project.log_in(backend))
    assert seen["failed"] == []
    assert seen["audits"] > 60


def test_foreign_clients_list_create_conflict_and_stream(project: Project, client: Path, backend: Backend) -> None:
    seen = printed(client, backend, "client.mjs", f"http://127.0.0.1:{backend.port}", project.email, project.password)
    assert seen == {
        "error": None,
        "created": "Chair",
        "duplicate": "CONFLICT",
        "changed": 2,
        "stale": "STALE_VERSION",
        "listed": ["Armchair"],
        "socket": [["Armchair"]],
        "acknowledged": 1,
        "events": [["Armchair"]],
    }

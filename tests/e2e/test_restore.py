"""`api-base db restore`: everything of the dump, and nothing under a running server."""

import signal

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import run, serving

pytestmark = pytest.mark.slow


def test_a_dump_is_restored_completely(project: Project) -> None:
    item = {"sku": "DUMPED", "name": "Chair", "category": "furniture"}
    with serving(project.home, "--no-worker") as backend:
        token = project.log_in(backend.ready())
        status, created = backend.request("POST", "/api/v1/items", item, token)
        assert status == 201
        assert run(project.home, "db", "dump", "all.dump").returncode == 0
        assert (project.home / "all.dump").stat().st_mode & 0o777 == 0o600
        status, _ = backend.request("POST", "/api/v1/items", {**item, "sku": "AFTER"}, token)
        assert status == 201
        assert backend.end(signal.SIGTERM) == 0
    done = run(project.home, "db", "restore", "all.dump")
    assert done.returncode == 0, done
    with serving(project.home, "--no-worker") as backend:
        token = project.log_in(backend.ready())
        assert backend.request("GET", f"/api/v1/items/{created['id']}", None, token)[0] == 200
        found = backend.request("GET", "/api/v1/items?sku=AFTER", None, token)
        assert (found[0], found[1]["items"]) == (200, [])


def test_nothing_is_restored_while_a_server_uses_the_database(project: Project) -> None:
    with serving(project.home, "--no-worker") as backend:
        token = project.log_in(backend.ready())
        assert run(project.home, "db", "dump", "before.dump").returncode == 0
        status, kept = backend.request("POST", "/api/v1/items", {"sku": "KEPT", "name": "Chair", "category": "furniture"}, token)
        assert status == 201
        done = run(project.home, "db", "restore", "before.dump")
        assert (done.returncode, "Stop the server and the workers" in done.stderr, "Restored" in done.stdout) == (1, True, False), done
        assert backend.request("GET", f"/api/v1/items/{kept['id']}", None, token)[0] == 200
        assert backend.end(signal.SIGTERM) == 0

"""A POST with an idempotency key across `kill -9`: a committed request is answered again and never executed twice."""

import asyncio
import http.client
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, Backend, alive, serving, until

pytestmark = pytest.mark.slow

ITEM = {"sku": "ONCE", "name": "Chair", "category": "furniture"}
GATE = 4711
HELD = f"select pg_advisory_lock({GATE})"
COMMITTING = f"select count(*) from pg_locks where locktype = 'advisory' and objid = {GATE} and not granted"
GATED_COMMITS = f"""
create function pass_the_gate() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared({GATE}); return null; end $$;
create constraint trigger gate after insert on items deferrable initially deferred for each row execute function pass_the_gate();
"""


class Gate:
    """Holds back every commit of an item until the gate opens. PostgreSQL finishes a commit whose client has died."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(url))
        self._do(GATED_COMMITS)
        self._do(HELD)

    def _do(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def waiting(self) -> int:
        """The number of commits that wait."""
        found: int = self._runner.run(self._connection.fetchval(COMMITTING))
        return found

    def open(self) -> None:
        self._do("select pg_advisory_unlock_all()")

    def remove(self) -> None:
        self._do("drop trigger gate on items; drop function pass_the_gate()")
        self._runner.run(self._connection.close())
        self._runner.close()


@contextmanager
def gate(project: Project) -> Iterator[Gate]:
    made = Gate(EmbeddedServer(project.home / ".api-base/postgres").administrator_url())
    try:
        yield made
    finally:
        made.open()
        made.remove()


def post(backend: Backend, token: str, key: str, item: Any) -> tuple[int, str | None, Any]:
    """Status, the Idempotency-Replayed header, and JSON."""
    status, headers, body = backend.exchange("POST", "/api/v1/items", item, token, {"Idempotency-Key": key})
    return status, headers["Idempotency-Replayed"], body


def test_killed_between_commit_and_answer_the_retry_has_the_answer(project: Project) -> None:
    with serving(project.home, "--no-worker") as other, ThreadPoolExecutor(1) as client:
        token = project.log_in(other.ready())
        with gate(project) as commits, serving(project.home, "--no-worker") as server:
            first = client.submit(post, server.ready(), token, "killed", ITEM)
            until(commits.waiting, "a commit under way")
            subprocess.run(["kill", "-9", str(server.child("server_process"))], check=True)
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                first.result(PATIENCE)
            status, replayed, problem = post(other, token, "killed", ITEM)
            assert (status, replayed, problem["type"]) == (409, None, "/problems/request-in-progress")
            commits.open()
            status, replayed, item = until(lambda: answered(post(other, token, "killed", ITEM)), "the answer")
            assert (status, replayed, item["sku"]) == (201, "true", "ONCE")
        found = other.request("GET", "/api/v1/items?sku=ONCE", token=token)[1]["items"]
        assert [one["id"] for one in found] == [item["id"]]


def answered(answer: tuple[int, str | None, Any]) -> tuple[int, str | None, Any] | None:
    return None if answer[0] == 409 else answer


def test_the_answer_outlives_everything_that_was_killed(project: Project) -> None:
    item = {**ITEM, "sku": "OUTLIVED"}
    with serving(project.home) as backend:
        first = post(backend.ready(), project.log_in(backend), "outlived", item)
        assert (first[0], first[1]) == (201, None)
        family = backend.family()
        backend.end(signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in family), "the end of all processes", 30)
    with serving(project.home) as backend:
        again = post(backend.ready(), project.log_in(backend), "outlived", item)
    assert again == (201, "true", first[2])

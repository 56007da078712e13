"""A revocation through one server process is enforced by four of them within a second, also when LISTEN is cut silently."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project
from tests.e2e.processes import Backend, serving

pytestmark = pytest.mark.slow

PROCESSES = 4
WITHIN = 1.0
PASSWORD = "a-quiet-harbour-at-dusk-42"
GENEROUS = {f"RATE_LIMIT__{name}": "100000" for name in ("REQUESTS", "BURST", "LOGIN_REQUESTS", "LOGIN_BURST", "FAILED_TOKENS")}
"""All members log in and poll from one address: a limit must not answer in place of the revocation."""


class Member:
    """A member of the demonstration tenant, with a token for it."""

    numbers = count(1)

    def __init__(self, backends: list[Backend], administrator: str) -> None:
        self.backends, self.administrator = backends, administrator
        who = {"email": f"member-{next(self.numbers)}@example.com", "password": PASSWORD}
        self.post(None, "/auth/register", {**who, "name": "Member"})
        personal = self.post(None, "/auth/login", who)["access_token"]
        self.tenant = next(one["id"] for one in self.get("/tenants")["items"] if one["slug"] == "demo")
        self.administrator = self.post(administrator, f"/tenants/{self.tenant}/switch")["access_token"]
        self.post(self.administrator, f"/tenants/{self.tenant}/members", {"email": who["email"], "role": "viewer"})
        self.token = self.post(personal, f"/tenants/{self.tenant}/switch")["access_token"]
        self.id = backends[0].request("GET", "/api/v1/auth/me", token=self.token)[1]["id"]

    def status(self, backend: Backend) -> int:
        return backend.request("GET", "/api/v1/items?limit=1", token=self.token)[0]

    def log_out_everywhere(self) -> None:
        self.post(self.token, "/auth/logout", {"everywhere": True})

    def be_removed(self) -> None:
        path = f"/api/v1/tenants/{self.tenant}/members/{self.id}"
        assert self.backends[1].request("DELETE", path, token=self.administrator, if_match="*")[0] == 204

    def be_deactivated(self) -> None:
        self.post(self.administrator, f"/users/{self.id}/deactivate")

    def post(self, token: str | None, path: str, body: Any = None) -> Any:
        status, answer = self.backends[1].request("POST", f"/api/v1{path}", body, token)
        assert status < 300, answer
        return answer

    def get(self, path: str) -> Any:
        status, answer = self.backends[1].request("GET", f"/api/v1{path}", token=self.administrator)
        assert status == 200, answer
        return answer


@pytest.fixture(scope="module")
def backends(project: Project) -> Iterator[list[Backend]]:
    """Four servers, each a process of its own, on one database."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(project.home, "--no-worker", **GENEROUS)).ready() for _ in range(PROCESSES)]


@pytest.fixture(scope="module")
def administrator(backends: list[Backend], project: Project) -> str:
    return project.log_in(backends[0])


@contextmanager
def listeners_stopped(project: Project) -> Iterator[None]:
    """Stop the listeners' backends: they receive nothing and their connections stay open, as when a cable is pulled."""
    stopped = asyncio.run(_listeners(EmbeddedServer(project.home / ".api-base/postgres").administrator_url()))
    assert len(stopped) >= PROCESSES
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


async def _listeners(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [
            row["pid"] for row in await connection.fetch("select pid from pg_stat_activity where application_name = 'api-base-listener'")
        ]
    finally:
        await connection.close()


@pytest.mark.parametrize("cut", [False, True], ids=["listening", "LISTEN cut"])
@pytest.mark.parametrize("end", [Member.log_out_everywhere, Member.be_removed, Member.be_deactivated])
def test_it_is_refused_by_every_process_within_a_second(
    backends: list[Backend], administrator: str, project: Project, end: Callable[[Member], None], cut: bool
) -> None:
    member = Member(backends, administrator)
    assert [member.status(backend) for backend in backends] == [200] * PROCESSES
    with ExitStack() as stack:
        if cut:
            stack.enter_context(listeners_stopped(project))
        end(member)
        deadline = time.monotonic() + WITHIN
        waiting = backends
        while waiting and time.monotonic() < deadline:
            waiting = [backend for backend in waiting if member.status(backend) == 200]
        assert not waiting
        assert [member.status(backend) for backend in backends] == [401] * PROCESSES

"""The first run: it can be interrupted anywhere, and its login is printed until somebody uses it."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project, open_folder, printed_login
from tests.e2e.documentation import ROOT
from tests.e2e.processes import Backend, rows, run, serving

MOMENTS = int(os.environ.get("MOMENTS", "3"))
ADMINISTRATORS = "select email from users join platform_administrators on user_id = id"
TENANTS = """
select tenants.slug from memberships join tenants on tenants.id = tenant_id join platform_administrators using (user_id)
 where not tenants.personal
"""


@pytest.fixture(scope="module")
def unused() -> Iterator[tuple[Project, float]]:
    """A project after a first run, in which nobody has logged in; and the seconds that this run took."""
    with open_folder() as home:
        began = time.monotonic()
        with serving(home, "--no-worker") as backend:
            printed = printed_login(home, backend)
            seconds = time.monotonic() - began
            assert backend.end(signal.SIGTERM) == 0
        yield printed, seconds


def refused(backend: Backend, project: Project) -> bool:
    return backend.request("POST", "/api/v1/auth/login", {"email": project.email, "password": project.password})[0] == 401


@pytest.mark.slow
def test_a_first_run_that_is_killed_at_any_moment_is_completed_by_the_next(unused: tuple[Project, float]) -> None:
    chance, seconds = random.Random(9), unused[1]
    for moment in range(MOMENTS):
        with open_folder() as home:
            with serving(home, "--no-worker") as backend:
                time.sleep((moment + chance.random()) / MOMENTS * seconds)
                backend.end(signal.SIGKILL)
            with serving(home, "--no-worker") as backend:
                assert printed_login(home, backend).log_in(backend.ready())
                assert rows(home, ADMINISTRATORS) == [["admin@example.com"]]
                assert rows(home, TENANTS) == [["demo"]]


@pytest.mark.slow
def test_the_login_is_printed_with_a_new_password_until_the_first_login(unused: tuple[Project, float]) -> None:
    first, _ = unused
    with serving(first.home, "--no-worker") as backend:
        second = printed_login(first.home, backend.ready())
        assert second.password != first.password
        assert refused(backend, first)
        assert second.password not in str(
            rows(first.home, "select u, p, s from users u join user_passwords p on p.user_id = u.id left join sessions s on true")
        )
        assert second.log_in(backend)
        assert rows(first.home, TENANTS) == [["demo"]]
    with serving(first.home, "--no-worker") as backend:
        assert second.log_in(backend.ready())
        assert backend.end(signal.SIGTERM) == 0
        assert "password" not in backend.output


@pytest.mark.slow
def test_a_context_that_fails_during_the_first_run_leaves_no_platform_without_administrator(home: Path) -> None:
    with serving(home, "--no-worker", CONTEXTS="tests.e2e.failing_seed:FAILING", PYTHONPATH=str(ROOT)) as backend:
        assert backend.process.wait() == 1
        assert "no tenant" in backend.output
    with serving(home, "--no-worker") as backend:
        assert printed_login(home, backend).log_in(backend.ready())
        assert rows(home, ADMINISTRATORS) == [["admin@example.com"]]
        assert rows(home, TENANTS) == [["demo"]]


@pytest.mark.slow
def test_no_ordinary_user_with_the_address_becomes_administrator(project: Project) -> None:
    with serving(project.home, "--no-worker") as backend:
        backend.ready()
        url = EmbeddedServer(project.home / ".api-base/postgres").administrator_url()
        asyncio.run(execute(url, "delete from platform_administrators"))
        assert backend.end(signal.SIGTERM) == 0
    with serving(project.home, "--no-worker") as backend:
        backend.ready()
        assert "api-base users create-admin" in backend.output
        assert rows(project.home, ADMINISTRATORS) == []
        created = run(project.home, "users", "create-admin", "ana@example.com", API_BASE_ADMIN_PASSWORD="correct horse battery staple 9")
        assert created.returncode == 0, created
        assert rows(project.home, ADMINISTRATORS) == [["ana@example.com"]]


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()

"""Project folders in which a backend has run before, so that tests start with a migrated and seeded database."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.command_server import command_server
from tests.e2e.processes import Backend, serving, until
from tests.folders import quick_folder

MEASURED: Final = frozenset({"test_commands", "test_ending", "test_observability", "test_rabbitmq", "test_serve"})
"""Modules whose processes coverage measures, which doubles the time of a process. Those of the other modules run little else of the program."""


@dataclass(frozen=True)
class Project:
    """The folder, and the administrator's login that the first run printed."""

    home: Path
    email: str
    password: str

    def log_in(self, backend: Backend) -> str:
        status, body = backend.request("POST", "/api/v1/auth/login", {"email": self.email, "password": self.password})
        assert status == 200, body
        token: str = body["access_token"]
        return token


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter: root runs the database as another user."""
    with quick_folder() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def measured_commands() -> None:
    """Start the process that runs the commands while coverage measures processes."""
    command_server()


@pytest.fixture(scope="module", autouse=True)
def measured_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let coverage measure the processes of the modules in `MEASURED` only."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in MEASURED:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty project folder."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def first_project() -> Iterator[Project]:
    """The project that all others are copies of. No test uses it: its database never runs again.

    Its administrator has logged in, so later starts keep the password.
    """
    with open_folder() as home:
        with serving(home, "--no-worker") as backend:
            project = printed_login(home, backend.ready())
            project.log_in(backend)
            assert backend.end(signal.SIGTERM) == 0, backend.output
        share_programs(home)
        yield project


def printed_login(home: Path, backend: Backend) -> Project:
    """The login that the backend prints once."""
    found = until(lambda: re.findall(r"e-mail +(\S+)\n +password +(\S+)", backend.output), "a login")
    assert len(found) == 1
    return Project(home, *found[0])


def share_programs(home: Path) -> None:
    """Put a link in place of root's copy of PostgreSQL's programs, so that copies of the project contain the link only."""
    programs = home / ".api-base/postgres/wheel"
    if programs.exists():
        programs.rename(home / "programs")
        programs.symlink_to(home / "programs")


@pytest.fixture(scope="module")
def project(first_project: Project) -> Iterator[Project]:
    """A project of the module's own."""
    with open_folder() as home:
        yield copied(first_project, home)


def copied(project: Project, home: Path) -> Project:
    """A copy of the project, which nothing uses, in another folder."""
    subprocess.run(["cp", "--archive", "--reflink=auto", project.home / ".api-base", home], check=True)
    return replace(project, home=home)

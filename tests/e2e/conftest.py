"""A project's folder in which a backend has run before, so that tests start it warm."""

import re
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.processes import Backend, serving


@dataclass(frozen=True)
class Project:
    """The folder, and who may log in: what the first run printed."""

    home: Path
    email: str
    password: str

    def log_in(self, backend: Backend) -> str:
        status, body = backend.request("POST", "/api/v1/auth/login", {"email": self.email, "password": self.password})
        assert status == 200, body
        token: str = body["access_token"]
        return token


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder that everybody may enter: for root the database is somebody else."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with serving(home) as backend:
            backend.ready()
            assert backend.end(signal.SIGTERM) == 0, backend.output
        email, password = (re.search(rf"{word}\s+(\S+)", backend.output) for word in ("e-mail", "password"))
        assert email is not None
        assert password is not None
        yield Project(home, email[1], password[1])

"""Fixtures of pytest for an application on API Base: `pytest_plugins = ["api_base.testing"]` in the top `conftest.py` loads them.

`acting` and `client` give the whole application in the process, on a PostgreSQL database of the test's own: docs/testing.md. Needs the extra
`testing`. Override `contexts` for other contexts than those of `CONTEXTS`, and `sections` for other settings.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
import pytest_asyncio

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts.loading import contexts_of
from api_base.core.config import Problems, Settings, read_settings
from api_base.core.types import TenantId
from api_base.infrastructure.db.embedded import Urls
from api_base.testing.backend import Actor, Backend, Event, running
from api_base.testing.databases import Postgres, name_of, server_in
from api_base.testing.doubles import Mailbox, MovedClock

__all__ = ["Acting", "Actor", "Backend", "Event", "Events", "Mailbox", "MovedClock"]


class Acting(Protocol):
    """The type of the fixture `acting`."""

    async def __call__(self, *, role: str = "owner", tenant: TenantId | None = None) -> Actor:
        """A new user with `role` in `tenant`, by default in a new tenant."""
        ...


class Events(Protocol):
    """The type of the fixture `events`."""

    async def __call__(self, name: str | None = None) -> Sequence[Event]:
        """The committed events of this name, by default all, in the order in which they were written."""
        ...


@pytest.fixture(scope="session")
def contexts() -> Sequence[Context]:
    """The contexts of the application: those that the environment configures. Other settings are those of each test."""
    found, problems = contexts_of(read_settings()[0])
    Problems(problems).raise_any()
    return found


@pytest.fixture
def sections() -> Mapping[str, Mapping[str, Any]]:
    """Sections of the settings that a test needs otherwise: `{"files": {"quota_bytes": 10}}`."""
    return {}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this process."""
    with tempfile.TemporaryDirectory() as folder, server_in(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: Postgres, contexts: Sequence[Context]) -> str:
    """The name of a database at head that nobody is connected to: the others are copied from it."""
    urls = postgres.create()
    migrations.up(Settings(_env_file=None), urls, contexts)
    return name_of(urls)


@pytest.fixture
def database(postgres: Postgres, template: str) -> Iterator[Urls]:
    """A database at head, the test's own. `database.owner` is the URL of the role that owns the tables."""
    urls = postgres.create(template)
    yield urls
    postgres.drop(urls)


@pytest_asyncio.fixture
async def backend(
    database: Urls, contexts: Sequence[Context], tmp_path: Path, sections: Mapping[str, Mapping[str, Any]]
) -> AsyncIterator[Backend]:
    """The open application."""
    async with running(database, contexts, tmp_path, sections) as open_backend:
        yield open_backend


@pytest.fixture
def acting(backend: Backend) -> Acting:
    """Makes users who act in a tenant: `ana = await acting(role="member")`."""
    return backend.acting


@pytest.fixture
def client(backend: Backend) -> httpx2.AsyncClient:
    """A client that is not logged in."""
    return backend.client


@pytest.fixture
def events(backend: Backend) -> Events:
    """Reads committed events: `await events("notes.created.v1")`."""
    return backend.events


@pytest.fixture
def run_worker(backend: Backend) -> Callable[[], Awaitable[None]]:
    """Does the background work that waits: `await run_worker()`."""
    return backend.run_worker


@pytest.fixture
def mailbox(backend: Backend) -> Mailbox:
    """The e-mails that were sent; jobs send them, so call `run_worker` before."""
    return backend.mailbox


@pytest.fixture
def clock(backend: Backend) -> MovedClock:
    """The clock of the application: `clock.advance(timedelta(days=1))`."""
    return backend.clock

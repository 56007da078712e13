"""A PostgreSQL server for tests, and databases on it: each test may have its own, copied from one that is at head."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from api_base.infrastructure.db.embedded import EmbeddedServer, Urls


class Postgres:
    """The server: makes databases as a database administrator would, for the same roles."""

    def __init__(self, urls: Urls, password: str) -> None:
        self._urls = urls
        self.admin = _at(urls.owner, "postgres", f"postgres:{quote(password, safe='')}")
        self._numbers = count(1)

    def create(self, template: str = "template1") -> Urls:
        """A new database, owned by `owner`, closed to everybody else but `app` and `worker`.

        It is copied as files: block by block through the write-ahead log, which is PostgreSQL's default, takes several times the CPU time.
        """
        name = f"test_{next(self._numbers)}"
        self._execute(
            f"create database {name} owner owner template {template} strategy file_copy",
            f"revoke all on database {name} from public",
            f"grant connect on database {name} to app, worker",
        )
        urls = self._urls
        return replace(urls, **{role: _at(getattr(urls, role), name) for role in ("owner", "app", "worker", "direct")})

    def drop(self, urls: Urls) -> None:
        """Remove a database, and close its connections."""
        self._execute(f"drop database {name_of(urls)} with (force)")

    def admin_of(self, urls: Urls) -> str:
        """The superuser's URL of the database of `urls`."""
        return _at(self.admin, name_of(urls))

    def _execute(self, *statements: str) -> None:
        asyncio.run(_execute(self.admin, statements))


@contextmanager
def server_in(folder: Path) -> Iterator[Postgres]:
    """Run a server, whose data does not survive a crash of the machine, in an empty folder."""
    server = EmbeddedServer(folder, fsync=False)
    urls = server.start()
    try:
        yield Postgres(urls, json.loads((folder / "passwords.json").read_text())["postgres"])
    finally:
        server.stop()


def name_of(urls: Urls) -> str:
    """The name of a database."""
    return urlsplit(urls.owner).path.removeprefix("/")


async def _execute(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def _at(url: str, database: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(path=f"/{database}", netloc=f"{user}@{host}" if user else parts.netloc))

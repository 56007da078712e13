"""The system under test: PostgreSQL from the product's own launcher, servers and workers, and Toxiproxy between them if it runs."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from api_base.bootstrap import migrations
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import EmbeddedServer, Urls
from api_base.serving.resolving import on
from chaos import toxiproxy
from chaos.context import CHAOS
from chaos.points import Control
from chaos.processes import Process, free_port
from chaos.toxiproxy import ROOT, Proxy
from tests.brokers import Brokers

LOOK: Final = 0.05
"""Seconds between two checks of the processes."""
STARTED: Final = 120.0
"""Seconds in which the first server and worker must be ready."""
LIMITS: Final = ("REQUESTS", "BURST", "LOGIN_REQUESTS", "LOGIN_BURST", "FAILED_TOKENS")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`variables` is the environment in which every `api-base` command finds this system."""

    home: Path
    database: EmbeddedServer
    proxy: Proxy | None
    brokers: Brokers | None
    control: Control
    variables: dict[str, str]
    servers: list[Process]
    workers: list[Process]

    @property
    def processes(self) -> list[Process]:
        return [*self.servers, *self.workers]

    def postmaster(self) -> int:
        """The process id of the PostgreSQL postmaster."""
        return int((self.home / "postgres/data/postmaster.pid").read_text().splitlines()[0])

    def spare(self) -> None:
        """Disarm all points and let all connections pass."""
        self.control.disarm()
        if self.proxy is not None:
            self.proxy.mend()

    async def keep(self) -> None:
        """Restart whatever has exited, forever. PostgreSQL starts in this thread, because the kernel treats that thread as its parent."""
        while True:
            self.database.ensure_running()
            for process in self.processes:
                process.ensure_running()
            await asyncio.sleep(LOOK)

    def all_ready(self) -> bool:
        return all(process.ready for process in self.processes)


@contextmanager
def folder(kept: Path | None) -> Iterator[Path]:
    """`kept`, or a temporary folder. PostgreSQL's own user must be able to enter it."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@contextmanager
def world(home: Path, servers: int, workers: int, brokers: Brokers | None) -> Iterator[World]:
    """A migrated database, and processes that are not started yet. Call it outside any event loop."""
    control = home / "control"
    control.mkdir()
    port = free_port()
    database = EmbeddedServer(home / "postgres", port=port)
    urls = database.start()
    proxy = None
    try:
        if (url := toxiproxy.address()) is not None:
            proxy = Proxy(url, f"chaos-{secrets.token_hex(4)}", port)
        variables = _variables(home, _by_tcp(urls, port if proxy is None else proxy.port))
        if brokers is not None:
            variables |= brokers.variables | {"RESILIENCE__OPEN_SECONDS": "1"}  # a killed broker is soon back
        migrations.up(on(Settings(_env_file=None), urls), urls, [*BUILT_IN, CHAOS])
        yield World(
            home=home, database=database, proxy=proxy, brokers=brokers, control=Control(control), variables=variables,
            servers=[Process(f"server-{n}", home, variables, free_port()) for n in range(servers)],
            workers=[Process(f"worker-{n}", home, variables, None) for n in range(workers)],
        )  # fmt: skip
    finally:
        if proxy is not None:
            proxy.remove()
        database.stop()


@asynccontextmanager
async def kept_running(made: World) -> AsyncIterator[None]:
    """Restart whatever dies until the block ends. A failed restart ends the block."""
    try:
        await _first(made)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(made.keep())
            yield
            keeping.cancel()
    finally:
        for process in made.processes:
            process.end()


async def _first(made: World) -> None:
    """Start one server and one worker before the others, because they create the shared keys."""
    async with asyncio.timeout(STARTED):
        for process in (made.servers[0], made.workers[0]):
            while not process.ready:
                process.ensure_running()
                await asyncio.sleep(LOOK)


def _by_tcp(urls: Urls, port: int) -> Urls:
    """The URLs over loopback TCP instead of the socket, so that a proxy can be placed in between."""
    return Urls(**{role: _at(getattr(urls, role), port) for role in ("owner", "app", "worker", "direct")})


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}", query="").geturl()


def _variables(home: Path, urls: Urls) -> dict[str, str]:
    """Settings without limits by address, because all load comes from one address."""
    limits = {f"RATE_LIMIT__{name}": "100000000" for name in LIMITS}
    return limits | {
        "DATABASE__URL": urls.app,
        "DATABASE__OWNER_URL": urls.owner,
        "DATABASE__WORKER_URL": urls.worker,
        "DATABASE__DIRECT_URL": urls.direct,
        "CONTEXTS": '["chaos.context:CHAOS"]',
        "CHAOS_CONTROL": str(home / "control"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "AUDIT__CHECKPOINT_SECONDS": "2",
        "SECURITY__ACCESS_TOKEN_SECONDS": "3600",
        "OBSERVABILITY__ACCESS_LOG": "false",
        "OBSERVABILITY__LOG_FORMAT": "json",
    }

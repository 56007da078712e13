"""`make host-faults`, as root: a firewall forgets the connections to PostgreSQL, its disk is full, and the clock of a machine is wrong.

Each service is back 30 s after the cause ends, and each acknowledged write is stored. Needs nft(8), ss(8) and cc(1).
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project, copied, open_folder
from tests.e2e.processes import COMMAND, UNLIMITED, Backend, environment, free_port, rows, serving, until
from tests.e2e.test_old_database import ROLES

RECOVERY: Final = 30.0
UNPUBLISHED: Final = "select count(*) from outbox where name = 'items.created.v1' and not published"


WRONG_CLOCK: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *result) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, result);
    const char *ahead = getenv("SECONDS_AHEAD");
    if (!failed && clock == CLOCK_REALTIME && ahead) result->tv_sec += atol(ahead);
    return failed;
}
"""
"""Moves the time of day of the processes that are started with it, by which Python knows it, and no other clock."""


class Writes:
    """Items that are created, and which of them were acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self._asked, self._prefix = 0, uuid4().hex

    def create(self, backend: Backend, token: str) -> int:
        self._asked += 1
        sku = f"{self._prefix}-{self._asked}"
        body: dict[str, Any] = {"sku": sku, "name": "n", "category": "c"}
        status: int = backend.request("POST", "/api/v1/items", body, token)[0]
        if status == 201:
            self.acknowledged.add(sku)
        return status

    def check(self, home: Path) -> None:
        """Every acknowledged item is stored, and its event published."""
        until(lambda: rows(home, UNPUBLISHED) == [["0"]], "every event published", RECOVERY)
        assert {sku for (sku,) in rows(home, "select sku from items")} >= self.acknowledged


@contextmanager
def database(home: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The project's database on a port of its own: the port, and the settings that use it over TCP."""
    port = free_port()
    server = EmbeddedServer(home / ".api-base/postgres", port=port)
    urls = server.start()
    try:
        yield port, {f"DATABASE__{role}": over_tcp(getattr(urls, name), port) for role, name in ROLES.items()}
    finally:
        server.stop()


def over_tcp(url: str, port: int) -> str:
    account, _, rest = url.partition("@")
    return f"{account}@127.0.0.1:{port}/{rest.partition('/')[2].partition('?')[0]}"


@contextmanager
def forgotten(port: int) -> Iterator[None]:
    """Drop every packet of the connections to `port` that are open now [nft(8)]. New ones pass."""
    listed = subprocess.run(
        ["ss", "-Htn", "state", "established", f"( dport = :{port} )"], capture_output=True, text=True, check=True
    ).stdout
    clients = ", ".join({line.split()[2].rpartition(":")[2] for line in listed.splitlines()})
    assert clients, listed
    rules = "".join(
        f"chain {hook} {{ type filter hook {hook} priority 0; tcp dport {port} tcp sport {{ {clients} }} drop; tcp sport {port} tcp dport {{ {clients} }} drop; }}\n"
        for hook in ("input", "output")
    )
    subprocess.run(["nft", "-f", "-"], input=f"table inet forgotten {{\n{rules}}}\n", text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "forgotten"], check=True)


def test_connections_that_a_firewall_forgot_are_replaced(project: Project) -> None:
    writes = Writes()
    with (
        database(project.home) as (port, variables),
        serving(project.home, "--workers", "2", **variables, **UNLIMITED) as backend,
    ):
        token = project.log_in(backend.ready())
        for _ in range(50):
            assert writes.create(backend, token) == 201
        writes.check(project.home)
        with forgotten(port):
            began = time.monotonic()
            answers = []
            while (at := time.monotonic() - began) < RECOVERY:
                answers.append((writes.create(backend, token), at, time.monotonic() - began - at))
            refused = [answer for answer in answers if answer[0] != 201]
            assert refused, "the connections were not forgotten"
            print(f"\n{len(refused)} of {len(answers)} writes refused, the last one sent after {refused[-1][1]:.1f} s; none took longer than"
                  f" {max(seconds for _, _, seconds in answers):.1f} s")  # fmt: skip
            writes.check(project.home)
        assert backend.end(signal.SIGTERM) == 0
    assert "Traceback" not in backend.output


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 400 MB of its own, below `folder` [mount(8)]."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_data_disk_costs_no_acknowledged_write(first_project: Project) -> None:
    writes = Writes()
    with open_folder() as folder, small_disk(folder) as home:
        project = copied(first_project, home)
        with serving(home, "--workers", "2", **UNLIMITED) as backend:
            token = project.log_in(backend.ready())
            for _ in range(50):
                assert writes.create(backend, token) == 201
            filler = home / "filler"
            with filler.open("wb") as file:
                while (free := os.statvfs(home).f_bavail * os.statvfs(home).f_frsize) > 0:
                    file.write(b"\0" * min(free, 1 << 20))
                    file.flush()
            until(lambda: writes.create(backend, token) == 503, "a refused write")
            refused = [writes.create(backend, token) for _ in range(20)]
            assert set(refused) <= {201, 503}, refused
            assert backend.request("GET", "/health/live")[0] == 200
            assert backend.request("GET", "/health/ready")[0] == 503
            filler.unlink()
            began = time.monotonic()
            until(lambda: writes.create(backend, token) == 201, "a write after there is room again", RECOVERY)
            until(lambda: backend.request("GET", "/health/ready")[0] == 200, "readiness", RECOVERY)
            print(
                f"\nfull data disk: {refused.count(503)} of 20 writes refused, back {time.monotonic() - began:.1f} s after there was room"
            )
            writes.check(home)
            assert backend.end(signal.SIGTERM) == 0
        assert "Traceback" not in backend.output


@pytest.fixture
def wrong_clock(tmp_path: Path) -> Path:
    library = tmp_path / "wrong_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=WRONG_CLOCK, text=True, check=True)
    return library


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_wrong_clock_is_named_and_loses_nothing(project: Project, wrong_clock: Path, seconds: int) -> None:
    """The processes of one machine, server and worker, are ahead or behind. They share the database with those of another."""
    wrong = {"LD_PRELOAD": str(wrong_clock), "SECONDS_AHEAD": str(seconds)}
    writes = Writes()
    with (
        database(project.home) as (_, variables),
        serving(project.home, **variables, **UNLIMITED) as right,
        serving(project.home, **variables, **UNLIMITED, **wrong) as other,
    ):
        tokens = {backend.port: project.log_in(backend.ready()) for backend in (right, other)}
        for _ in range(20):
            for backend in (right, other):
                assert writes.create(backend, tokens[backend.port]) == 201
        assert other.request("GET", "/api/v1/items", token=tokens[right.port])[0] == 401
        writes.check(project.home)
        until(lambda: "clock_wrong" in other.output, "a line about the clock", RECOVERY)
        assert "clock_wrong" not in right.output
        done = subprocess.run(
            [*COMMAND, "doctor"], cwd=project.home, env=environment(**variables, **wrong), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert f"3600 s {'ahead of' if seconds > 0 else 'behind'} PostgreSQL's" in done.stdout
        for backend in (right, other):
            assert backend.end(signal.SIGTERM) == 0
            assert "Traceback" not in backend.output

"""A large file imported over HTTP: neither server nor worker holds it in memory, and a killed worker's successor continues.

32 MiB, or as many as LARGE_IMPORT_MIB says: `make large-import` sends 1 GiB.
"""

import http.client
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.e2e.conftest import Project, copied
from tests.e2e.processes import Backend, rows, serving, until, working
from tests.e2e.test_import_by_http import Importing

MIB: Final = 1_048_576
SIZE: Final = int(os.environ.get("LARGE_IMPORT_MIB", "32")) * MIB
GROWTH: Final = 30 * MIB
PATIENCE: Final = 60 + SIZE / MIB * 2
ROW: Final = "{prefix}-{number:08},Thing,things," + "Four legs and a back. " * 180 + "\n"
HEADER: Final = "sku,name,category,description\n"


def csv_of(prefix: str, size: int) -> Iterator[bytes]:
    """A file of at least `size` bytes, in pieces."""
    yield HEADER.encode()
    length = len(ROW.format(prefix=prefix, number=0))
    for first in range(0, size // length + 1, 250):
        yield "".join(ROW.format(prefix=prefix, number=number) for number in range(first, min(first + 250, size // length + 1))).encode()


def count_of(prefix: str, size: int) -> int:
    return size // len(ROW.format(prefix=prefix, number=0)) + 1


def uploaded(importing: Importing, prefix: str, size: int) -> str:
    """The id of a new file."""
    connection = http.client.HTTPConnection("127.0.0.1", importing.backend.port, timeout=PATIENCE)
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {importing.token}"}
    connection.request("POST", "/api/v1/files?" + urlencode({"name": f"{prefix}.csv"}), csv_of(prefix, size), headers, encode_chunked=True)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 201, answer
    id: str = importing.backend.request("GET", response.headers["Location"], token=importing.token)[1]["id"]
    return id


def ready(importing: Importing, id: str) -> None:
    def state() -> Any:
        return importing.backend.request("GET", f"/api/v1/files/{id}", token=importing.token)[1]["state"]

    until(lambda: state() not in ("pending", "scanned"), "the check of the file", PATIENCE)
    assert state() == "ready"


def started(importing: Importing, id: str) -> str:
    status, headers, body = importing.backend.exchange("POST", "/api/v1/items/imports", {"file_id": id}, importing.token, {})
    assert status == 202, body
    return str(headers["Location"])


def ended(importing: Importing, location: str) -> Any:
    until(lambda: importing.job(location)["state"] not in ("queued", "running"), "the end of the import", PATIENCE)
    return importing.job(location)


def memory(pid: int, field: str) -> int:
    """A figure of a process, in bytes: `VmRSS` now, `VmHWM` the most since `rest`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def rest(pid: int) -> int:
    """Forget the most memory so far. Return the memory now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return memory(pid, "VmRSS")


@pytest.fixture(scope="module")
def project(first_project: Project) -> Iterator[Project]:
    """A project on the disk: one GiB in the database takes several, which memory may not have."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield copied(first_project, Path(folder))


@pytest.fixture(scope="module")
def importing(project: Project) -> Iterator[Importing]:
    settings = {"RATE_LIMIT__REQUESTS": "1000000", "RATE_LIMIT__BURST": "1000000", "SECURITY__ACCESS_TOKEN_SECONDS": "3600"}
    with serving(project.home, "--no-worker", **settings) as backend:
        yield Importing(project, backend.ready())


def server_of(backend: Backend) -> int:
    (pid,) = backend.server_processes()
    return pid


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_memory_does_not_grow_with_the_file_and_a_killed_import_is_continued(importing: Importing) -> None:
    home, server = importing.project.home, server_of(importing.backend)
    with working(home, "--only", "jobs", JOBS__CONCURRENCY="1") as first:
        small = uploaded(importing, "SMALL", 100_000)
        ready(importing, small)
        assert ended(importing, started(importing, small))["result"]["created"] == count_of("SMALL", 100_000)
        before = {"server": rest(server), "worker": rest(first.process.pid)}
        large = uploaded(importing, "LARGE", SIZE)
        ready(importing, large)
        location = started(importing, large)
        until(lambda: importing.job(location)["progress"] >= 30, "a third of the import", PATIENCE)
        most = {"server": memory(server, "VmHWM"), "worker": memory(first.process.pid, "VmHWM")}
        first.end(signal.SIGKILL)
    done = int(rows(home, "select rows_done from imports where file_id is not null")[0][0])
    assert 0 < done < count_of("LARGE", SIZE)
    with working(home, "--only", "jobs", JOBS__CONCURRENCY="1") as second:
        job = ended(importing, location)
        most["worker"] = max(most["worker"], memory(second.process.pid, "VmHWM"))
        most["server"] = max(most["server"], memory(server, "VmHWM"))
    created = count_of("LARGE", SIZE)
    assert (job["state"], job["result"]["rows"], job["result"]["created"], job["result"]["refused"]) == ("succeeded", created, created, 0)
    assert rows(home, "select count(*), count(distinct sku) from items where sku like 'LARGE-%'") == [[str(created)] * 2]
    growth = {process: most[process] - before[process] for process in most}
    print(f"{SIZE / MIB:g} MiB, memory in MiB:", {process: round(bytes / MIB, 1) for process, bytes in growth.items()})
    assert max(growth.values()) <= GROWTH, growth

"""A change of a flag reaches all processes of a server within a second, also without LISTEN; `api-base flags` sends the messages of the API."""

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, one_sentence, rows, run, serving, until, working
from tests.factories.feature_flags import flag_definition

pytestmark = pytest.mark.slow

WORKERS: Final = 4
WITHIN: Final = 1.0
IMPORTS: Final = flag_definition("imports", default_variant="on")


def serving_process(port: int, client_port: int, pids: set[int]) -> int | None:
    """The process that holds the server's end of a connection over IPv4 on the loopback interface [proc(5)]."""
    ends = f"0100007F:{port:04X}", f"0100007F:{client_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == ends:
            wanted = f"socket:[{fields[9]}]"
            return next((pid for pid in pids if wanted in open_files(pid)), None)
    return None


def open_files(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(link.readlink()))
    return found


@dataclass
class Connection:
    """A kept connection to one process."""

    http: http.client.HTTPConnection
    token: str

    def post(self, path: str, content: bytes = b"") -> tuple[int, Any]:
        self.http.request("POST", path, content, {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"})
        response = self.http.getresponse()
        return response.status, json.loads(response.read())

    def imports(self) -> bool:
        """Whether the process would start an import. There is no such file, so none begins."""
        status, answer = self.post("/api/v1/items/imports", json.dumps({"file_id": str(UUID(int=0))}).encode())
        assert answer["type"] == {403: "/problems/feature-disabled", 422: "/problems/validation"}[status]
        return status == 422


@pytest.fixture(scope="module")
def backend(project: Project) -> Iterator[Backend]:
    kept = {"SERVER__KEEP_ALIVE_TIMEOUT_SECONDS": "600"}  # a connection stands for its process
    with serving(project.home, "--workers", str(WORKERS), "--no-worker", **UNLIMITED, **kept) as started:
        started.ready()
        until(lambda: len(started.server_processes()) == WORKERS, "four processes")
        yield started


@pytest.fixture(scope="module")
def processes(backend: Backend, project: Project) -> Iterator[list[Connection]]:
    """A connection to each process, with the flag of imports."""
    token = project.log_in(backend)
    status, answer = backend.request("POST", "/api/v1/flags", {"definition": IMPORTS}, token)
    assert status == 201, answer
    pids, found = backend.server_processes(), dict[int, Connection]()
    with ExitStack() as stack:
        deadline = time.monotonic() + PATIENCE
        while len(found) < WORKERS:
            assert time.monotonic() < deadline, "some process accepts no connection"
            one = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
            stack.callback(one.close)
            connection = Connection(one, token)
            connection.imports()
            pid = serving_process(backend.port, one.sock.getsockname()[1], pids)
            assert pid is not None
            found.setdefault(pid, connection)
        yield list(found.values())


async def kill_listeners(home: Path) -> None:
    """Kill the connection of each process that listens, once all do."""
    connection = await asyncpg.connect(EmbeddedServer(home / ".api-base/postgres").administrator_url())
    listening = "from pg_stat_activity where application_name = 'api-base-listener' and query = 'select 1'"
    try:
        deadline = time.monotonic() + PATIENCE
        while await connection.fetchval(f"select count(*) {listening}") < WORKERS:
            assert time.monotonic() < deadline, "not every process listens"
            await asyncio.sleep(0.02)
        assert len(await connection.fetch(f"select pg_terminate_backend(pid) {listening}")) == WORKERS
    finally:
        await connection.close()


@pytest.mark.parametrize("cut", [False, True], ids=["listening", "listeners killed"])
def test_a_change_is_seen_by_four_processes_within_a_second(processes: list[Connection], project: Project, cut: bool) -> None:
    until(lambda: all(one.imports() for one in processes), "imports in every process")
    for switch, wanted in (("off", False), ("on", True)) * 2:
        if cut:
            asyncio.run(kill_listeners(project.home))
        status, answer = processes[0].post(f"/api/v1/flags/imports/{switch}")
        changed = time.monotonic()
        assert status == 200, answer
        waiting = processes
        while waiting and time.monotonic() < changed + WITHIN:
            waiting = [one for one in waiting if one.imports() is not wanted]
        assert not waiting, f"{len(waiting)} processes have not seen it"


def test_every_process_states_the_age_of_its_flags(backend: Backend, processes: list[Connection]) -> None:
    def ages() -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=PATIENCE)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("feature_flags_age_seconds{")}

    until(lambda: len(found := ages()) == WORKERS and max(found.values()) < WITHIN, "four ages below a second")


def test_a_worker_has_the_flags_before_its_first_job(backend: Backend, processes: list[Connection], project: Project) -> None:
    until(lambda: all(one.imports() for one in processes), "imports in every process")
    token = processes[0].token
    sent = {"file_id": backend.upload(b"sku,name,category\nFLAG-1,Chair,furniture\n", token)}
    status, began = processes[0].post("/api/v1/items/imports", json.dumps(sent).encode())
    assert status == 202, began

    def job() -> Any:
        return backend.request("GET", f"/api/v1/jobs/{began['job_id']}", token=token)[1]

    assert processes[0].post("/api/v1/flags/imports/off")[0] == 200
    with working(project.home, "--only", "jobs"):
        until(lambda: job()["state"] == "failed", "the refusal of the job")
        assert "'imports' is switched off" in job()["error"]
        assert backend.request("POST", "/api/v1/flags/imports/on", token=token)[0] == 200  # the connections may have been idle for too long
        assert run(project.home, "jobs", "retry", began["job_id"]).returncode == 0
        until(lambda: job()["state"] == "succeeded", "the import")
        assert job()["result"]["created"] == 1


def test_the_command_line_sends_the_messages_of_the_api(backend: Backend, project: Project, tmp_path: Path) -> None:
    def flags(*arguments: str, stdin: str = "") -> Any:
        return run(project.home, "flags", *arguments, "--as", project.email, stdin=stdin)

    created = flags("set", "-", stdin=json.dumps({"definition": flag_definition("by-hand"), "owner": "web", "protected": True}))
    assert created.stdout == "by-hand  on  protected  version 1  (web)\n", created
    token = project.log_in(backend)
    assert backend.request("GET", "/api/v1/flags/by-hand", token=token)[1]["version"] == 1
    file = tmp_path / "patch.json"
    file.write_text('{"owner": "mobile"}')
    assert "is protected: propose" in one_sentence(flags("set", str(file), "--key", "by-hand"))
    assert json.loads(flags("set", str(file), "--key", "by-hand", "--propose").stdout)["status"] == "pending"
    assert flags("off", "by-hand").stdout == "by-hand  off  protected  version 2  (web)\n"
    assert "is protected" in one_sentence(flags("on", "by-hand"))
    assert json.loads(flags("get", "by-hand").stdout)["definition"]["enabled"] is False
    assert "by-hand  off  protected  version 2  (web)\n" in flags("list").stdout
    assert flags("list", "--archived").stdout == ""
    assert (flags("stale").returncode, flags("stale").stdout) == (0, "")
    dated = {"definition": flag_definition("over"), "stale_after": "2026-01-01T00:00:00Z"}
    flags("set", "-", stdin=json.dumps(dated))
    assert (flags("stale").returncode, flags("stale").stdout) == (1, "over: date_passed\n")
    record = backend.request("GET", "/api/v1/audit/platform?action=flag.created&sort=-at&limit=1", token=token)[1]["items"][0]
    assert record["after"]["key"] == "over"
    rows(project.home, "update flags set definition = '[]' where key = 'by-hand'")
    assert "by-hand  not valid  protected  version 2  (web)\n" in flags("list").stdout
    rows(project.home, "update flags set archived = true where key = 'by-hand'")


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("get", "no-such-flag"), "", "No flag with the id no-such-flag exists."),
        (("off", "no-such-flag"), "", "No flag with the id no-such-flag exists."),
        (("set", "-"), "{", "is not JSON"),
        (("set", "-"), "[]", "must contain a JSON object"),
        (("set", "-"), '{"definition": {"key": "a"}}', "/definition/type"),
        (("set", "-"), '{"name": 1}', "/name: is not a member"),
        (("set", "-"), json.dumps({"definition": flag_definition("old"), "archived": True}), "/archived: is not a member of a new flag"),
        (("off", "imports", "--version", "99"), "", "no longer at version 99"),
    ],
)
def test_what_the_command_line_cannot_do(processes: list[Connection], project: Project, arguments: Any, stdin: str, words: str) -> None:
    assert words in one_sentence(run(project.home, "flags", *arguments, "--as", project.email, stdin=stdin))


def test_the_command_line_acts_for_administrators_of_the_platform_only(backend: Backend, project: Project) -> None:
    body = {"email": "ordinary@example.com", "name": "Bo", "password": "a-quiet-harbour-at-dusk-42"}
    assert backend.request("POST", "/api/v1/auth/register", body)[0] == 201
    assert "platform:flags" in one_sentence(run(project.home, "flags", "list", "--as", body["email"]))
    assert "no active user" in one_sentence(run(project.home, "flags", "list", "--as", "nobody@example.com"))

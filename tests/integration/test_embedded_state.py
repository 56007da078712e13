"""What a crash, a copy or a strange hand leaves of the embedded server: no data is destroyed, and one sentence names the fault."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import EmbeddedServer
from api_base.infrastructure.db.embedded.binaries import find
from tests.e2e.processes import alive, until
from tests.folders import quick_folder
from tests.integration.test_embedded import fetch, postmaster
from tests.isolation import child_setup

UNDO = (
    "revoke connect on database api_base from app, worker",
    "drop database api_base",
    "drop role worker",
    "drop role app",
    "revoke search from owner",
    "drop role search",
    "drop role owner",
)
"""The set-up of a new server, backwards."""
SERVER_USER = 65534 if os.geteuid() == 0 else os.geteuid()
"""Root runs the server as `nobody`."""


@pytest.fixture(scope="module")
def original() -> Iterator[Path]:
    """A data directory with a table `kept`, with nothing running in it."""
    with quick_folder() as folder:
        server = EmbeddedServer(folder, fsync=False)
        asyncio.run(fetch(server.start().owner, "create table kept as select 42 as answer"))
        server.stop()
        yield folder


@pytest.fixture(scope="module")
def shared(original: Path) -> Iterator[Path]:
    """A copy of the data directory for tests that leave it whole."""
    with copied(original) as home:
        yield home


@pytest.fixture
def home(original: Path) -> Iterator[Path]:
    """A copy of the data directory, the test's own."""
    with copied(original) as copy:
        yield copy


@contextmanager
def copied(original: Path) -> Iterator[Path]:
    """A copy of a data directory. Root's copy of the programs is shared."""
    with quick_folder() as folder:
        folder.chmod(0o711)
        home = folder / "home"
        home.mkdir()
        for path in original.iterdir():
            if path.name == "wheel":
                (home / "wheel").symlink_to(path)
            else:
                subprocess.run(["cp", "--archive", "--reflink=auto", path, home], check=True)
        yield home


@contextmanager
def served(home: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(home, fsync=False)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedServer]:
    with served(home) as server:
        yield server


def kept(server: EmbeddedServer) -> bool:
    """Whether the server starts, with what was stored."""
    return asyncio.run(fetch(server.start().owner, "select answer from kept")) == [(42,)]


def refusal(server: EmbeddedServer) -> str:
    """The sentence with which the server does not start."""
    with pytest.raises(ConfigurationError) as refused:
        server.start()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def at_postgres(server: EmbeddedServer) -> str:
    """The superuser's URL, in the database `postgres`."""
    return server.administrator_url().replace("/api_base?", "/postgres?")


@pytest.mark.slow
def test_no_missing_file_beside_the_data_costs_the_data(shared: Path) -> None:
    beside = sorted(path.name for path in shared.iterdir() if path.name != "data")
    assert "passwords.json" in beside
    for name in beside:
        moved = (shared / name).rename(shared.with_name(name))
        with served(shared) as server:
            if name == "passwords.json":
                assert "passwords.json" in refusal(server)
                moved.rename(shared / name)
            assert kept(server), name


@pytest.mark.slow
def test_a_set_up_that_was_interrupted_is_finished(server: EmbeddedServer) -> None:
    urls = server.start()
    for undone in range(1, len(UNDO) + 1):
        for statement in UNDO[:undone]:
            asyncio.run(fetch(at_postgres(server), statement))
        server.stop()
        assert server.start() == urls
        for url in (urls.owner, urls.app, urls.worker):
            assert asyncio.run(fetch(url, "select 1")) == [(1,)]
        granted_to_public = "select count(*) from pg_database, aclexplode(datacl) as granted where datname = 'api_base' and grantee = 0"
        assert asyncio.run(fetch(at_postgres(server), granted_to_public)) == [(0,)]
        assert asyncio.run(fetch(urls.owner, "select pg_has_role('search', 'set')")) == [(True,)]


@pytest.mark.parametrize("left", ["an interrupted initdb", "a link to a file"])
def test_what_is_not_a_cluster_is_renamed_and_reported(home: Path, capfd: pytest.CaptureFixture[str], left: str) -> None:
    data = home / "data"
    shutil.rmtree(data)
    if left == "an interrupted initdb":
        (data / "global").mkdir(parents=True)
        (data / "PG_VERSION").write_text("18\n")
    else:
        data.symlink_to("passwords.json")
    before = sorted(path.name for path in data.rglob("*")), data.is_symlink()
    with served(home) as server:
        assert asyncio.run(fetch(server.start().app, "select 1")) == [(1,)]
    [aside] = home.glob("data.2*")
    assert (sorted(path.name for path in aside.rglob("*")), aside.is_symlink()) == before
    assert str(aside) in capfd.readouterr().err


def test_an_empty_directory_is_used(home: Path) -> None:
    shutil.rmtree(home / "data")
    (home / "data").mkdir()
    with served(home) as server:
        server.start()
    assert not list(home.glob("data.*"))


def test_data_that_vanishes_from_a_running_server_is_not_replaced(home: Path, server: EmbeddedServer) -> None:
    server.start()
    process = postmaster(home)
    (home / "data").rename(home / "moved")
    os.kill(process, signal.SIGKILL)
    until(lambda: not alive(process), "the server's end")
    with pytest.raises(ConfigurationError, match="is gone"):
        server.ensure_running()
    assert not (home / "data").exists()


@pytest.mark.parametrize("name", ["postmaster.pid", ".s.PGSQL.5432.lock"])
def test_a_stale_pid_file_keeps_no_server_from_starting(shared: Path, name: str) -> None:
    data = shared / "data"
    bystander = subprocess.Popen(["sleep", "60"], cwd=data, preexec_fn=child_setup(), user=SERVER_USER)
    try:
        for content in ("", "12", "x\n", f"999999999\n{data}\n0\n\n", f"{bystander.pid}\n{data}\n0\n5432\n{data}\n\n"):
            (data / name).write_text(content)
            with served(shared) as server:
                assert kept(server), content
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("removed", [(), ("postmaster.pid",), (".s.PGSQL.5432", ".s.PGSQL.5432.lock")])
def test_an_orphan_is_ended_and_its_data_kept(shared: Path, removed: tuple[str, ...]) -> None:
    binaries, data = find(shared), shared / "data"
    command = [binaries.path("postgres"), "-D", str(data), "--listen_addresses=", f"--unix_socket_directories={data}"]
    orphan = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, preexec_fn=child_setup(), **binaries.run_as)
    try:
        until((data / ".s.PGSQL.5432").exists, "the orphan's socket")
        for name in removed:
            (data / name).unlink()
        with served(shared) as server:
            assert kept(server)
        assert orphan.wait(20) == 0
    finally:
        orphan.kill()
        orphan.wait()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("global/pg_control", "", "PANIC: could not read file"),
        ("postgresql.conf", "nonsense", "FATAL: configuration file"),
        ("pg_hba.conf", "nonsense", "FATAL: could not load"),
        ("PG_VERSION", "\nroot:x", "is damaged"),
    ],
)
def test_the_reason_of_the_server_is_quoted(home: Path, server: EmbeddedServer, name: str, content: str, said: str) -> None:
    (home / "server.log").write_text("2026-01-01 UTC [1] FATAL:  an older failure\n")
    (home / "data" / name).write_text(content)
    sentence = refusal(server)
    assert said in sentence
    assert "older failure" not in sentence
    assert "root:x" not in sentence


def test_a_damaged_record_of_what_runs_counts_as_none(shared: Path) -> None:
    for content in (b"", b"{", b"[]", b"{}", b"\xff", b"1", b'{"socket": "/nowhere"}', b'{"socket": 1, "port": 5432}'):
        (shared / "running.json").write_bytes(content)
        assert EmbeddedServer(shared).attach() is None
    with served(shared) as server:
        assert kept(server)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"1", b'{"postgres": "x"}'])
def test_damaged_passwords_are_reported(shared: Path, content: bytes) -> None:
    passwords = shared / "passwords.json"
    before = passwords.read_bytes()
    passwords.write_bytes(content)
    try:
        with served(shared) as server:
            assert "passwords.json cannot be read: the file is damaged" in refusal(server)
    finally:
        passwords.write_bytes(before)


def test_passwords_of_another_cluster_are_reported(home: Path, server: EmbeddedServer) -> None:
    passwords = home / "passwords.json"
    passwords.write_text(passwords.read_text().replace('"postgres": "', '"postgres": "x'))
    assert "password authentication failed" in refusal(server)


@pytest.mark.parametrize("planted", ["link", "pipe", "directory"])
def test_what_the_server_could_plant_is_not_followed(shared: Path, planted: str) -> None:
    secret = shared.with_name("secret")
    secret.write_text("15\n")
    for name in ("PG_VERSION", "postmaster.pid", ".s.PGSQL.5432.lock"):
        path = shared / "data" / name
        before = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        if planted == "link":
            path.symlink_to(secret)
        elif planted == "pipe":
            os.mkfifo(path)
        else:
            path.mkdir()
        with served(shared) as server:
            if name == "PG_VERSION" or planted == "directory":
                assert str(path) in refusal(server)
                path.rmdir() if planted == "directory" else path.unlink()
            else:
                assert kept(server), name
        if before is not None:
            path.write_bytes(before)
            os.chown(path, SERVER_USER, -1)
    assert secret.read_text() == "15\n"


def test_what_this_process_reads_or_executes_is_its_own(home: Path, server: EmbeddedServer) -> None:
    home.chmod(0o777)
    server.start()
    paths = [home, *(path for path in home.rglob("*") if home / "data" not in (path, *path.parents))]
    states = {path: path.stat() for path in paths if not path.is_symlink()}
    assert {path for path, state in states.items() if state.st_uid != os.geteuid() or state.st_mode & 0o022} == set()
    owner = {state.st_uid for state in ((home / "data").stat(), (home / "data/PG_VERSION").stat())}
    assert owner == {SERVER_USER}
    private = {path.name for path, state in states.items() if stat.S_ISREG(state.st_mode) and path.parent == home and state.st_size}
    assert {name for name in private if (home / name).stat().st_mode & 0o077} == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_a_directory_of_another_user_is_refused(home: Path, server: EmbeddedServer) -> None:
    os.chown(home, SERVER_USER, -1)
    (home / "running.json").write_text('{"socket": "/tmp", "port": 5432}')
    assert "belongs to the user nobody" in refusal(server)
    with pytest.raises(ConfigurationError, match="belongs to the user nobody"):
        server.attach()


@pytest.mark.skipif(os.geteuid() != 0, reason="for anybody but root a temporary directory takes the socket")
def test_root_uses_no_temporary_directory_for_the_socket() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / ("deep" * 20) / ("deeper" * 10)
        server = EmbeddedServer(home, fsync=False)
        try:
            assert asyncio.run(fetch(server.start().app, "select 1")) == [(1,)]
            place = Path((home / "location").read_text().strip())
            assert place.stat().st_uid == 0
        finally:
            server.stop()
        shutil.rmtree(place)


SOCKET_DIRECTORY = """
import os, sys
from pathlib import Path
from api_base.infrastructure.db.embedded import data_location
from api_base.core.errors import ConfigurationError
os.environ["TMPDIR"] = sys.argv[1]
if os.geteuid() == 0:
    os.setuid(65534)
try:
    print(data_location.socket_directory(Path("/long" * 30)))
except ConfigurationError as error:
    print(error)
"""


def socket_directory(temporary: Path) -> str:
    """The directory for the socket of a long path, for a user who is not root; or the refusal."""
    done = subprocess.run([sys.executable, "-c", SOCKET_DIRECTORY, str(temporary)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_temporary_directory_for_the_socket_is_private_and_trusted_only_then() -> None:
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder)
        temporary.chmod(0o777)
        made = Path(socket_directory(temporary))
        assert made.parent == temporary
        assert made.stat().st_mode & 0o777 == 0o700
        made.chmod(0o777)
        assert socket_directory(temporary) == str(made)
        assert made.stat().st_mode & 0o777 == 0o700
        made.rmdir()
        made.symlink_to("/etc")
        assert "symbolic link" in socket_directory(temporary)
        if os.geteuid() == 0:
            made.unlink()
            made.mkdir()
            assert "belongs to the user root" in socket_directory(temporary)

"""Starts, finds and stops the embedded server.

One data directory has one server, whoever asks first: a lock held for the server's life says that it is owned, a file beside
it says where it listens. It dies with its owner (PR_SET_PDEATHSIG), cleanly. Passwords are random, SCRAM, in a file of mode 0600.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, urlencode

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.binaries import Binaries, find
from api_base.infrastructure.db.embedded.urls import Urls

DATABASE: Final = "api_base"
ROLES: Final = ("owner", "app", "worker")
LONGEST_SOCKET_PATH: Final = 107  # sun_path of Linux, less the terminating NUL
_START_SECONDS: Final = 60.0


class EmbeddedServer:
    """A server in `home`. `port` also listens on loopback; `fsync=False` is for tests, whose data may be lost."""

    def __init__(self, home: Path, *, port: int | None = None, fsync: bool = True) -> None:
        self._home = home.absolute()
        self._data = self._home / "data"
        self._port, self._fsync = port, fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def owned(self) -> bool:
        """Whether this object started the server, and so stops it."""
        return self._process is not None

    def start(self) -> Urls:
        """Start the server, or attach to the one that runs already. Raises `ConfigurationError` in one sentence."""
        self._make_home()
        self._lock = (self._home / "lock").open("a+")
        deadline = time.monotonic() + _START_SECONDS
        while not self._take_lock():
            if (urls := self.attach()) is not None:
                return urls
            if time.monotonic() > deadline:
                raise ConfigurationError(f"Another process holds {self._home / 'lock'} and its server does not answer. End that process.")
            time.sleep(0.05)
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def attach(self) -> Urls | None:
        """Where the running server listens, or None. Never starts one."""
        try:
            running = json.loads((self._home / "running.json").read_text())
            passwords = self._passwords()
        except (OSError, ValueError):
            return None
        ready = [running["pg_isready"], "-q", "-h", running["socket"], "-p", str(running["port"]), "-t", "2"]
        if subprocess.run(ready, check=False).returncode:
            return None
        return _urls(running["socket"], running["port"], passwords)

    def administrator_url(self) -> str:
        """The superuser's URL, for psql and its like; the server must run."""
        running = json.loads((self._home / "running.json").read_text())
        password = quote(self._passwords()["postgres"], safe="")
        return f"postgresql://postgres:{password}@/{DATABASE}?{urlencode({'host': running['socket'], 'port': running['port']})}"

    def stop(self) -> None:
        """Stop the server if this object started it: fast shutdown, sessions are ended, nothing committed is lost."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait()
            (self._home / "running.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _make_home(self) -> None:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            probe = self._home / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ConfigurationError(
                f"The data directory {self._home} cannot be written: {error.strerror}. Set DATABASE__DATA_DIR."
            ) from None

    def _take_lock(self) -> bool:
        assert self._lock is not None  # opened by start
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _start(self) -> Urls:
        binaries = find(self._home)
        self._end_orphan()
        fresh = not (self._home / "ready").exists() and not self._foreign()
        if fresh:
            shutil.rmtree(self._data, ignore_errors=True)  # a first start that was interrupted
            self._initialise(binaries)
        self._check_version(binaries)
        socket, port = self._socket_directory(binaries), self._port or 5432
        self._process = self._launch(binaries, socket)
        self._wait(binaries, socket)
        passwords = self._passwords()
        if fresh:
            _create_roles(binaries, socket, port, passwords)
            (self._home / "ready").touch()
        running = {"socket": socket, "port": port, "pg_isready": binaries.path("pg_isready")}
        write_private(self._home / "running.json", json.dumps(running))
        return _urls(socket, port, passwords)

    def _foreign(self) -> bool:
        """Data that we did not make: never removed, and its version is checked like any other."""
        return (self._data / "PG_VERSION").exists() and not (self._home / "passwords.json").exists()

    def _initialise(self, binaries: Binaries) -> None:
        passwords = {role: secrets.token_urlsafe(24) for role in ("postgres", *ROLES)}
        write_private(self._home / "passwords.json", json.dumps(passwords))
        secret = self._home / "initdb.password"
        write_private(secret, passwords["postgres"])
        if uid := binaries.run_as.get("user"):
            os.chown(secret, uid, -1)
        command = [
            binaries.path("initdb"), "-D", str(self._data), "-U", "postgres", f"--pwfile={secret}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        try:
            done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **binaries.run_as)
        finally:
            secret.unlink()
        if done.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            raise ConfigurationError(f"The data directory {self._data} cannot be made: {_last_line(done.stderr)}")

    def _check_version(self, binaries: Binaries) -> None:
        ours = subprocess.run([binaries.path("postgres"), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        try:
            theirs = (self._data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"The data directory {self._data} cannot be read: {error.strerror}.") from None
        if ours.split(".")[0] != theirs:
            raise ConfigurationError(
                f"The data in {self._data} is of PostgreSQL {theirs} and the installed server is {ours}. Dump it with the old one "
                "and restore it, or move the directory away to start afresh."
            )

    def _end_orphan(self) -> None:
        """A server whose owner died uncleanly where the system could not take it along: end it, we hold the lock."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGINT)
        except (OSError, ValueError, IndexError):
            return
        deadline = time.monotonic() + 20
        while (self._data / "postmaster.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _socket_directory(self, binaries: Binaries) -> str:
        """The data directory, which only its user may enter; a private one elsewhere where that path is too long for a socket."""
        if len(str(self._data / ".s.PGSQL.5432.lock").encode()) <= LONGEST_SOCKET_PATH:
            return str(self._data)
        name = hashlib.sha256(str(self._data).encode()).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()) / f"api-base-{os.geteuid()}-{name}"
        directory.mkdir(mode=0o700, exist_ok=True)
        if uid := binaries.run_as.get("user"):
            os.chown(directory, uid, -1)
        elif directory.stat().st_uid != os.geteuid():
            raise ConfigurationError(f"{directory} belongs to somebody else. Remove it, or set DATABASE__DATA_DIR to a shorter path.")
        return str(directory)

    def _launch(self, binaries: Binaries, socket: str) -> subprocess.Popen[bytes]:
        options = {
            "max_connections": "200", "listen_addresses": "127.0.0.1" if self._port else "", "port": str(self._port or 5432),
            "unix_socket_directories": socket, "fsync": "on" if self._fsync else "off", "logging_collector": "off",
            "full_page_writes": "on" if self._fsync else "off", "synchronous_commit": "on" if self._fsync else "off",
            "password_encryption": "scram-sha-256", "log_min_messages": "warning",
        }  # fmt: skip
        command = [binaries.path("postgres"), "-D", str(self._data), *(f"--{name}={value}" for name, value in options.items())]
        with (self._home / "server.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **binaries.run_as,
            )

    def _wait(self, binaries: Binaries, socket: str) -> None:
        assert self._process is not None  # launched just before
        deadline = time.monotonic() + _START_SECONDS
        ready = [binaries.path("pg_isready"), "-q", "-h", socket, "-p", str(self._port or 5432)]
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None:
                log = (self._home / "server.log").read_text(errors="replace")
                raise ConfigurationError(f"The embedded PostgreSQL does not start: {_last_line(log)} ({self._home / 'server.log'})")
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"The embedded PostgreSQL is not ready after {_START_SECONDS:g} s; see {self._home / 'server.log'}."
                )
            time.sleep(0.02)

    def _passwords(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self._home / "passwords.json").read_text())
        return found


def die_with_parent(sent: signal.Signals) -> Callable[[], None] | None:
    """What makes the kernel send `sent` to a child when its parent dies [prctl(2), PR_SET_PDEATHSIG]; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(1, sent)

    return ask


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    temporary.replace(path)


def _create_roles(binaries: Binaries, socket: str, port: int, passwords: dict[str, str]) -> None:
    """The three roles, none of them privileged, and the role that owns search functions; the database, closed to everybody else."""
    statements = [
        f"create role {role} login nosuperuser nocreaterole nocreatedb nobypassrls password '{passwords[role]}'" for role in ROLES
    ]
    statements += [
        "create role search nologin nosuperuser nobypassrls",
        "grant search to owner with inherit false, set true",
        f"create database {DATABASE} owner owner",
        f"revoke all on database {DATABASE} from public",
        f"grant connect on database {DATABASE} to app, worker",
    ]
    command = [binaries.path("psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-h", socket, "-p", str(port), "-U", "postgres", "-d", "postgres"]
    environment = {"PGPASSWORD": passwords["postgres"], "PATH": os.environ.get("PATH", "")}
    subprocess.run(command, input=";\n".join(statements) + ";", text=True, check=True, env=environment)


def _urls(socket: str, port: int, passwords: dict[str, str]) -> Urls:
    def url(role: str) -> str:
        return f"postgresql://{role}:{quote(passwords[role], safe='')}@/{DATABASE}?{urlencode({'host': socket, 'port': port})}"

    return Urls(owner=url("owner"), app=url("app"), worker=url("worker"), direct=url("app"))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"

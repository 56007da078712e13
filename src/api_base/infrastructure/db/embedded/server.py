"""Start, find and stop the embedded server.

A data directory has one server. The process that starts it holds a lock for the server's life; a file beside the data says where the server
listens. The server shuts down cleanly when its owner dies (PR_SET_PDEATHSIG). Passwords are random, use SCRAM, and are stored in a file of
mode 0600.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Final

from api_base.core.errors import ConfigurationError
from api_base.core.shared.parent_death import die_with_parent
from api_base.infrastructure.db.embedded.binaries import Binaries, find
from api_base.infrastructure.db.embedded.data_location import data_location, socket_directory
from api_base.infrastructure.db.embedded.orphan import end_orphan
from api_base.infrastructure.db.embedded.roles import ROLES, Urls, create_roles, url, urls
from api_base.infrastructure.db.embedded.state_files import Running, StateFiles, write_private

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_READY: Final = 0
_NO_RESPONSE: Final = 2


class EmbeddedServer:
    """A server in `home`. With `port` it also listens on loopback. `fsync=False` is for tests, whose data may be lost."""

    def __init__(self, home: Path, *, port: int | None = None, fsync: bool = True) -> None:
        self._home = home.absolute()
        self._files = StateFiles(self._home)
        self._port, self._fsync = port, fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def owned(self) -> bool:
        """Return whether this object started the server. If so, it stops the server."""
        return self._process is not None

    def start(self) -> Urls:
        """Start the server, or attach to a running one. Raises `ConfigurationError` with one sentence.

        Call it from a long-lived thread (the main thread): the kernel treats the thread that started a process as its parent.
        """
        self._lock = self._open_lock()
        deadline = time.monotonic() + _START_SECONDS
        while not self._take_lock():
            if (urls := self.attach()) is not None:
                return urls
            if time.monotonic() > deadline:
                raise ConfigurationError(f"Another process holds {self._home / 'lock'} and its server does not answer. End that process.")
            time.sleep(0.05)
        try:
            return self._start()
        except OSError as error:
            self.stop()
            raise self._unusable(error) from None
        except BaseException:
            self.stop()
            raise

    def ensure_running(self) -> str | None:
        """Restart the server if it has exited, alone or with its owner. Returns what happened, or None if it still runs.

        Long-running users of the server call it periodically. Raises `ConfigurationError`.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return None
            happened = f"The embedded database ended with code {code} (see {self._home / 'server.log'})"
        elif self._lock is not None and self._take_lock():
            happened = "The embedded database ended together with the process that had started it"
        else:
            return None  # its owner is alive
        self._process = None
        self._start()
        return f"{happened}, and was started again."

    def program(self, name: str) -> str:
        """Return the path of a program of the server. Raises `ConfigurationError` if it does not exist."""
        return find(data_location(self._home)).path(name)

    def attach(self) -> Urls | None:
        """Return the URLs of the running server, or None. Never starts a server."""
        running = self._files.running()
        if running is None or _ping(running.pg_isready, running.socket, running.port) != _READY:
            return None
        return urls(running.socket, running.port, self._files.passwords())

    def administrator_url(self) -> str:
        """Return the superuser's URL, for psql and similar tools. Raises `ConfigurationError` if no server runs."""
        running = self._files.running()
        if running is None:
            raise ConfigurationError(f"No server runs in {self._home}.")
        return url("postgres", self._files.passwords()["postgres"], running.socket, running.port)

    def stop(self) -> None:
        """Stop the server if this object started it. A fast shutdown ends all sessions and loses no committed data."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait()
            self._files.remove_running()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _open_lock(self) -> IO[str]:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            return (self._home / "lock").open("a+")
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"The data directory {self._home} cannot be used: {error.strerror}: {error.filename or self._home}. Fix the permissions, or set DATABASE__DATA_DIR to another path."
        )

    def _take_lock(self) -> bool:
        assert self._lock is not None  # opened by start
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _start(self) -> Urls:
        place = data_location(self._home)
        binaries, data = find(place), place / "data"
        socket, port = socket_directory(data, binaries.run_as.get("user")), self._port or 5432
        end_orphan(data)
        fresh = not (self._home / "ready").exists() and not self._foreign(data)
        if fresh:
            shutil.rmtree(data, ignore_errors=True)  # a first start that was interrupted
            self._initialise(binaries, data)
        _check_version(binaries, data)
        passwords = self._files.passwords()
        self._process = self._launch(binaries, data, socket)
        self._wait(binaries, socket)
        if fresh:
            create_roles(binaries, socket, port, passwords)
            (self._home / "ready").touch()
        self._files.write_running(Running(socket=socket, port=port, pg_isready=binaries.path("pg_isready")))
        return urls(socket, port, passwords)

    def _foreign(self, data: Path) -> bool:
        """Return whether another program created the data. Such data is never removed, and its version is checked as usual."""
        return (data / "PG_VERSION").exists() and not self._files.has_passwords

    def _initialise(self, binaries: Binaries, data: Path) -> None:
        passwords = {role: secrets.token_urlsafe(24) for role in ("postgres", *ROLES)}
        self._files.write_passwords(passwords)
        secret = data.with_name("initdb.password")
        write_private(secret, passwords["postgres"])
        if uid := binaries.run_as.get("user"):
            os.chown(secret, uid, -1)
        command = [
            binaries.path("initdb"), "-D", str(data), "-U", "postgres", f"--pwfile={secret}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        try:
            done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **binaries.run_as)
        finally:
            secret.unlink()
        if done.returncode:
            shutil.rmtree(data, ignore_errors=True)
            raise ConfigurationError(f"The data directory {data} cannot be created: {_last_line(done.stderr)}")

    def _launch(self, binaries: Binaries, data: Path, socket: str) -> subprocess.Popen[bytes]:
        options = {
            "max_connections": "200", "listen_addresses": "127.0.0.1" if self._port else "", "port": str(self._port or 5432),
            "unix_socket_directories": socket, "fsync": "on" if self._fsync else "off", "logging_collector": "off",
            "full_page_writes": "on" if self._fsync else "off", "synchronous_commit": "on" if self._fsync else "off",
            "password_encryption": "scram-sha-256", "log_min_messages": "warning",
        }  # fmt: skip
        command = [binaries.path("postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
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
        assert self._process is not None  # started by the caller
        deadline = time.monotonic() + _START_SECONDS
        while _ping(binaries.path("pg_isready"), socket, self._port or 5432) != _READY:
            if self._process.poll() is not None:
                log = (self._home / "server.log").read_text(errors="replace")
                raise ConfigurationError(f"The embedded PostgreSQL does not start: {_last_line(log)} ({self._home / 'server.log'})")
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"The embedded PostgreSQL is not ready after {_START_SECONDS:g} s; see {self._home / 'server.log'}."
                )
            time.sleep(0.02)


def _check_version(binaries: Binaries, data: Path) -> None:
    ours = subprocess.run([binaries.path("postgres"), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    try:
        theirs = (data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"The data directory {data} cannot be read: {error.strerror}.") from None
    if ours.split(".")[0] != theirs:
        raise ConfigurationError(
            f"The data in {data} belongs to PostgreSQL {theirs}, but the installed server is {ours}. Dump it with the old version "
            "and restore it, or move the directory away to start with an empty database."
        )


def _ping(pg_isready: str, socket: str, port: int) -> int:
    """Return the exit code of pg_isready: 0 accepts connections, 1 is starting or stopping, 2 does not respond."""
    try:
        return subprocess.run([pg_isready, "-q", "-h", socket, "-p", str(port), "-t", "2"], check=False).returncode
    except OSError:
        return _NO_RESPONSE


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"

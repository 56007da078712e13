"""Start, find and stop the embedded server.

A data directory has one server. The process that starts it holds a lock for the server's life; a file beside the data says where the server
listens. The server shuts down cleanly when its owner dies (PR_SET_PDEATHSIG). Passwords are random, use SCRAM, and are stored in a file of
mode 0600.
"""

import fcntl
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Final

from api_base.core.errors import ConfigurationError
from api_base.core.shared.least_privilege import program_environment
from api_base.core.shared.parent_death import die_with_parent
from api_base.infrastructure.db.embedded import binaries, cluster
from api_base.infrastructure.db.embedded.binaries import Binaries
from api_base.infrastructure.db.embedded.data_location import data_location, own_home, socket_directory
from api_base.infrastructure.db.embedded.orphan import end_orphan
from api_base.infrastructure.db.embedded.programs import run_program
from api_base.infrastructure.db.embedded.roles import ROLES, SUPERUSER, Superuser, Urls, url, urls
from api_base.infrastructure.db.embedded.server_log import ServerLog
from api_base.infrastructure.db.embedded.state_files import Running, StateFiles
from api_base.infrastructure.db.embedded.trust import present

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_ACCOUNTS: Final = (SUPERUSER, *ROLES)


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
        self._start(again=True)
        return f"{happened}, and was started again."

    def attach(self) -> Urls | None:
        """Return the URLs of the running server, or None. Never starts a server."""
        if not present(self._home):
            return None
        own_home(self._home)
        running = self._files.running()
        if running is None or not _accepts_connections(running):
            return None
        return urls(running.socket, running.port, self._files.passwords(_ACCOUNTS))

    def administrator_url(self) -> str:
        """Return the superuser's URL, for psql and similar tools. Raises `ConfigurationError` if no server runs."""
        running = self._files.running()
        if running is None:
            raise ConfigurationError(f"No server runs in {self._home}.")
        return url(SUPERUSER, self._files.passwords(_ACCOUNTS)[SUPERUSER], running.socket, running.port)

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
            own_home(self._home)
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

    def _start(self, *, again: bool = False) -> Urls:
        place = data_location(self._home)
        programs, data = binaries.find(place), place / "data"
        socket, port = socket_directory(data), self._port or 5432
        end_orphan(data, Path(socket))
        passwords = self._prepare(programs, data, again=again)
        log = ServerLog(self._home / "server.log")
        self._process = self._launch(programs, data, socket, log)
        superuser = Superuser(socket, port, passwords)
        if not self._wait(superuser, log):
            superuser.set_up()
        self._files.write_running(Running(socket=socket, port=port))
        return urls(socket, port, passwords)

    def _prepare(self, programs: Binaries, data: Path, *, again: bool) -> dict[str, str]:
        """Return the passwords, after making a cluster if none exists. A server that runs `again` needs the one it had."""
        if cluster.exists(data):
            cluster.check_version(programs, data)
            return self._files.passwords(_ACCOUNTS)
        if again:
            raise ConfigurationError(f"The data of the embedded database in {data} is gone. Restore it from a backup, then start again.")
        passwords = (
            self._files.passwords(_ACCOUNTS) if self._files.has_passwords else {name: secrets.token_urlsafe(24) for name in _ACCOUNTS}
        )
        self._files.write_passwords(passwords)
        cluster.create(programs, data, passwords[SUPERUSER])
        return passwords

    def _launch(self, programs: Binaries, data: Path, socket: str, log: ServerLog) -> subprocess.Popen[bytes]:
        options = {
            "max_connections": "200", "listen_addresses": "127.0.0.1" if self._port else "", "port": str(self._port or 5432),
            "unix_socket_directories": socket, "fsync": "on" if self._fsync else "off", "logging_collector": "off",
            "full_page_writes": "on" if self._fsync else "off", "synchronous_commit": "on" if self._fsync else "off",
            "password_encryption": "scram-sha-256", "log_min_messages": "warning",
        }  # fmt: skip
        command = [programs.path("postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
        with log.open() as output:
            return subprocess.Popen(
                command,
                cwd="/",
                env=program_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
                **programs.run_as,
            )

    def _wait(self, superuser: Superuser, log: ServerLog) -> bool:
        """Wait until the server accepts connections. Returns whether its set-up is complete."""
        assert self._process is not None  # started by the caller
        deadline = time.monotonic() + _START_SECONDS
        while (complete := superuser.complete()) is None:
            if self._process.poll() is not None:
                raise ConfigurationError(f"The embedded PostgreSQL does not start: {log.reason()} ({log.path})")
            if time.monotonic() > deadline:
                raise ConfigurationError(f"The embedded PostgreSQL is not ready after {_START_SECONDS:g} s; see {log.path}.")
            time.sleep(0.02)
        return complete


def _accepts_connections(running: Running) -> bool:
    command = [binaries.program("pg_isready"), "-q", "-h", running.socket, "-p", str(running.port), "-t", "2"]
    return run_program(command).returncode == 0

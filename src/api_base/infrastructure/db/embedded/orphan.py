"""End an orphaned server, and remove what it left: its owner died and the server kept running, is still shutting down, or was killed.

PostgreSQL refuses to start while a process has the number in `postmaster.pid` or in the lock file of its socket. After a crash, that number
may belong to any process. So the processes of the data directory are looked up by their working directory, and the files count only with one.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from api_base.infrastructure.db.embedded.trust import present

_STOP_SECONDS: Final = 20.0
_POLL: Final = 0.02


def end_orphan(data: Path, socket: Path) -> None:
    """End the server of `data`, whose socket is in the directory `socket`, and remove its pid file, socket and lock.

    The caller must hold the lock of `data`, so that no other process owns a server there.
    """
    left = [path for path in (data / "postmaster.pid", *socket.glob(".s.PGSQL.*")) if present(path)]
    if not left:
        return
    for number in (signal.SIGINT, signal.SIGQUIT):
        if _end([pid for pid in _processes(data) if _is_postmaster(pid)], number, data):
            break
    _end(_processes(data), signal.SIGKILL, data)  # children of a killed server hold its memory; what they had not written is in the log
    for path in left:
        path.unlink(missing_ok=True)


def _end(pids: list[int], number: signal.Signals, data: Path) -> bool:
    """Send a signal. Returns whether all processes ended in time."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    deadline = time.monotonic() + _STOP_SECONDS
    while any(_works_in(pid, data) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _processes(data: Path) -> list[int]:
    """Return the processes of PostgreSQL with `data` as their working directory. Zombies have none."""
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _read(entry / "comm").strip() == b"postgres"]
    return [pid for pid in found if _works_in(pid, data)]


def _is_postmaster(pid: int) -> bool:
    """Return whether this is the first process of a server; the others have titles such as `postgres: checkpointer`."""
    return not _read(Path(f"/proc/{pid}/cmdline")).startswith(b"postgres:")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _works_in(pid: int, data: Path) -> bool:
    return Path(f"/proc/{pid}/cwd").resolve() == data.resolve()

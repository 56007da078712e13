"""End an orphaned server: its owner died and the server kept running, is still shutting down, or left child processes behind."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_STOP_SECONDS: Final = 20.0


def end_orphan(data: Path) -> None:
    """End the server of `data`. The caller must hold the lock of `data`, so that no other process owns a server there.

    The process id in `postmaster.pid` may belong to an unrelated process by now. If no process has this id, children of a killed server
    may still hold
    its shared memory: PostgreSQL refuses to start until the last of them has exited.
    """
    pid_file = data / "postmaster.pid"
    pid: int | None
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        os.kill(pid, 0)
    except FileNotFoundError:
        return
    except OSError:
        _end_children(data)
        return
    except (ValueError, IndexError):
        pid = None  # a crash or a full disk left a file without a number, which PostgreSQL would always refuse
    if pid is None or not _works_in(pid, data):
        pid_file.unlink()
        if pid is not None:
            _end_children(data)
        return
    for number in (signal.SIGINT, signal.SIGQUIT):
        os.kill(pid, number)
        deadline = time.monotonic() + _STOP_SECONDS
        while pid_file.exists() and _works_in(pid, data):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return


def _end_children(data: Path) -> None:
    """Kill the children. The next server recovers their unwritten data from the log, as after a crash."""
    deadline = time.monotonic() + _STOP_SECONDS
    while (children := _children(data)) and time.monotonic() < deadline:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _children(data: Path) -> list[int]:
    """Return the processes of PostgreSQL with `data` as their working directory. Zombies have none."""
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _called(entry) == "postgres"]
    return [pid for pid in found if _works_in(pid, data)]


def _called(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _works_in(pid: int, data: Path) -> bool:
    """Return whether the process is a server of `data`: whether `data` is its working directory."""
    return Path(f"/proc/{pid}/cwd").resolve() == data.resolve()

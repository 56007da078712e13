"""A server whose owner died where the system could not take it along, or that is still on its way to its end; or children of one."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_STOP_SECONDS: Final = 20.0


def end_orphan(data: Path) -> None:
    """For who holds the lock of `data`, so that nobody owns a server that still runs there.

    The number in `postmaster.pid` may be anybody's by now. Where nobody has it, children of a server that was killed may still hold
    its memory: PostgreSQL would refuse to start until the last of them has seen that it is alone.
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
        pid = None  # a crash, or a full disk, left a file without a number: PostgreSQL would refuse it for ever
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
    """What they had not written is in the log, from which the next server recovers as after a crash."""
    deadline = time.monotonic() + _STOP_SECONDS
    while (children := _children(data)) and time.monotonic() < deadline:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _children(data: Path) -> list[int]:
    """Processes of PostgreSQL that work in `data`; those that are dead and not yet waited for do not."""
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _called(entry) == "postgres"]
    return [pid for pid in found if _works_in(pid, data)]


def _called(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _works_in(pid: int, data: Path) -> bool:
    """Whether the process is a server of `data`: a server's working directory is its data."""
    return Path(f"/proc/{pid}/cwd").resolve() == data.resolve()

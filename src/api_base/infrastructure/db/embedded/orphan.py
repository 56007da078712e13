"""A server whose owner died where the system could not take it along, or that is still on its way to its end."""

import os
import signal
import time
from pathlib import Path
from typing import Final

_STOP_SECONDS: Final = 20.0


def end_orphan(data: Path) -> None:
    """For who holds the lock of `data`, so that nobody owns a server that still runs there.

    The number in `postmaster.pid` may be anybody's by now. A number that nobody has is left to PostgreSQL, which knows it for
    dead and refuses to start while children of that server still write.
    """
    pid_file = data / "postmaster.pid"
    pid: int | None
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        os.kill(pid, 0)
    except OSError:
        return
    except (ValueError, IndexError):
        pid = None  # a crash, or a full disk, left a file without a number: PostgreSQL would refuse it for ever
    if pid is None or not _works_in(pid, data):
        pid_file.unlink()
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


def _works_in(pid: int, data: Path) -> bool:
    """Whether the process is a server of `data`: a server's working directory is its data."""
    return Path(f"/proc/{pid}/cwd").resolve() == data.resolve()

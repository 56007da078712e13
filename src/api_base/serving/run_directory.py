"""A directory for what the processes of one run share, counters and rate limits, in memory where the system has a memory file system. It is
removed when the run ends.

Its owner holds a lock on it (flock). A free lock shows the next run that the owner was killed, and the run removes the directory.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PREFIX: Final = "api-base-run-"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - mkdtemp creates the directory with mode 0700


@contextmanager
def run_directory(parent: Path | None = None) -> Iterator[Path]:
    """Create a directory in `parent`, by default in memory or the temporary directory. It is removed at the end of the block."""
    location = parent or (_MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
    for left in location.glob(f"{_PREFIX}*"):
        _remove_if_abandoned(left)
    directory, lock = _created(location)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _created(location: Path) -> tuple[Path, int]:
    """Create a directory and lock it. Until it is locked, another run may consider it abandoned and remove it."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=location))
        try:
            lock = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if directory.exists():
            return directory, lock
        os.close(lock)


def _remove_if_abandoned(directory: Path) -> None:
    try:
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # it belongs to another user, or was removed concurrently
        return
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            return
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    except BlockingIOError:
        return  # its owner runs
    finally:
        os.close(lock)

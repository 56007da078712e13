"""A directory for the counters of one run, in memory where the system has such a place; it goes with the run.

Its owner holds a lock on it (flock), so the next run knows what a killed one left behind, and clears that away.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PREFIX: Final = "api-base-metrics-"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - mkdtemp makes what is in it, with mode 0700


@contextmanager
def metrics_directory(parent: Path | None = None) -> Iterator[Path]:
    """A new directory in `parent`, or where such directories are. It is removed at the end."""
    place = parent or (_MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
    for left in place.glob(f"{_PREFIX}*"):
        _remove_if_left(left)
    directory, lock = _made(place)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _made(place: Path) -> tuple[Path, int]:
    """Made and locked. Until it is locked, another start takes it for one that was left."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        try:
            lock = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if directory.exists():
            return directory, lock
        os.close(lock)


def _remove_if_left(directory: Path) -> None:
    try:
        lock = os.open(directory, os.O_RDONLY)
    except OSError:  # somebody else's, or gone by now
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    except BlockingIOError:
        return  # its owner lives
    finally:
        os.close(lock)

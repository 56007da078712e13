"""Temporary folders for the databases of tests, in memory where the system has a memory file system with room.

On a disk, making a database and dropping it takes three times as long, and each commit of `api-base serve` waits for the disk.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from api_base.serving.run_directory import run_directory

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 4 << 30
"""Free bytes below which the folders are on the disk. The databases of three test processes take less than one GiB."""


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A temporary folder. One whose process was killed is removed by the next."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM
    with run_directory(_MEMORY if roomy else Path(tempfile.gettempdir())) as folder:
        yield folder

"""Where the server keeps what it must reach itself: its data, its socket, its programs.

PostgreSQL refuses root, so for root it is `nobody`, and a project of root often lies where `nobody` may not go (`/root`). Then
the data has a room of its own under `/var/lib/api-base`, and the project a file `room` that says where; everywhere else the data
lies in the project. The room belongs to that project at that path: a copy of the project does not share it.
"""

import hashlib
import os
import pwd
import secrets
import tempfile
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError

MAX_SOCKET_PATH: Final = 107  # sun_path of Linux, less the terminating NUL
ROOMS: Final = Path("/var/lib/api-base")
_OTHERS_MAY_ENTER: Final = 0o001


def room(home: Path) -> Path:
    """The folder for data and programs of the server of `home`."""
    if os.geteuid() != 0 or all(folder.stat().st_mode & _OTHERS_MAY_ENTER for folder in home.parents):
        return home
    key = home / "room.key"
    if not key.exists():
        key.write_text(secrets.token_hex(8))
    found = ROOMS / name(home / key.read_text())
    found.mkdir(parents=True, exist_ok=True)
    nobody = pwd.getpwnam("nobody")
    os.chown(found, nobody.pw_uid, nobody.pw_gid)
    (home / "room").write_text(f"{found}\n")
    return found


def socket_directory(data: Path, uid: int | None) -> str:
    """The data directory, which only its user may enter; a private one elsewhere where that path is too long for a socket.

    Raises `ConfigurationError` where somebody else has that place.
    """
    if len(str(data / ".s.PGSQL.5432.lock").encode()) <= MAX_SOCKET_PATH:
        return str(data)
    directory = Path(tempfile.gettempdir()) / f"api-base-{os.geteuid()}-{name(data)}"
    directory.mkdir(mode=0o700, exist_ok=True)
    if uid is not None:
        os.chown(directory, uid, -1)
    elif directory.stat().st_uid != os.geteuid():
        raise ConfigurationError(f"{directory} belongs to somebody else. Remove it, or set DATABASE__DATA_DIR to a shorter path.")
    return str(directory)


def name(path: Path) -> str:
    """A short name for `path`, the same every time."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]

"""The location of the server's data, socket and programs, which the server's user must be able to reach.

PostgreSQL refuses to run as root, so root runs it as `nobody`, who often cannot enter the project of root (`/root`). In that case the data is
stored in a folder under `/var/lib/api-base`, and the file `location` in the project names it; otherwise the data is stored in the project.
The folder belongs to the project at its path: a copy of the project does not share it.
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
DATA_ROOT: Final = Path("/var/lib/api-base")
_WORLD_EXECUTE: Final = 0o001


def data_location(home: Path) -> Path:
    """Return the folder of data and programs for the server of `home`."""
    if os.geteuid() != 0 or all(folder.stat().st_mode & _WORLD_EXECUTE for folder in home.parents):
        return home
    key = home / "location.key"
    if not key.exists():
        key.write_text(secrets.token_hex(8))
    found = DATA_ROOT / name(home / key.read_text())
    found.mkdir(parents=True, exist_ok=True)
    DATA_ROOT.chmod(0o755)  # independent of the umask
    nobody = pwd.getpwnam("nobody")
    os.chown(found, nobody.pw_uid, nobody.pw_gid)
    (home / "location").write_text(f"{found}\n")
    return found


def socket_directory(data: Path, uid: int | None) -> str:
    """Return the directory for the socket: the data directory, or a private temporary directory if that path is too long for a socket.

    Raises `ConfigurationError` if another user owns the temporary directory.
    """
    if len(str(data / ".s.PGSQL.5432.lock").encode()) <= MAX_SOCKET_PATH:
        return str(data)
    directory = Path(tempfile.gettempdir()) / f"api-base-{os.geteuid()}-{name(data)}"
    directory.mkdir(mode=0o700, exist_ok=True)
    if uid is not None:
        os.chown(directory, uid, -1)
    elif directory.stat().st_uid != os.geteuid():
        raise ConfigurationError(f"{directory} belongs to another user. Remove it, or set DATABASE__DATA_DIR to a shorter path.")
    return str(directory)


def name(path: Path) -> str:
    """Return a short, stable name for `path`."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]

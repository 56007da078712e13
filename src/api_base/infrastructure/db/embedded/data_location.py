"""The location of the server's data, socket and programs, which the server's user must be able to reach.

PostgreSQL refuses to run as root, so root runs it as `nobody`, who often cannot enter the project of root (`/root`). In that case the data is
stored in a folder under `/var/lib/api-base`, and the file `location` in the project names it; otherwise the data is stored in the project.
The folder belongs to the project at its path: a copy of the project does not share it. It belongs to root; only the data directory in it
belongs to `nobody`.
"""

import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.state_files import write_private
from api_base.infrastructure.db.embedded.trust import ENTERED_BY_OTHERS, PRIVATE, own_directory, present

MAX_SOCKET_PATH: Final = 107  # sun_path of Linux, less the terminating NUL
DATA_ROOT: Final = Path("/var/lib/api-base")
_KEY_LENGTH: Final = 16


def own_home(home: Path) -> None:
    """Create the directory of the state files, or check it. For root, the server's user may enter it. Raises as `own_directory`."""
    own_directory(home, PRIVATE if os.geteuid() else ENTERED_BY_OTHERS)


def data_location(home: Path) -> Path:
    """Return the folder of data and programs for the server of `home`. Data that exists in `home` stays there.

    Raises `ConfigurationError` if the folder belongs to another user or its name was lost.
    """
    if os.geteuid() != 0 or present(home / "data") or (_fits(home / "data") and _entered_by_others(home)):
        return home
    key = home / "location.key"
    if not present(key):
        write_private(key, secrets.token_hex(_KEY_LENGTH // 2))
    stored = key.read_text()
    if len(stored) != _KEY_LENGTH:
        raise ConfigurationError(f"{key} is damaged: restore it, or remove it to start with an empty database.")
    found = DATA_ROOT / name(home / stored)
    own_directory(DATA_ROOT, 0o755)
    own_directory(found, ENTERED_BY_OTHERS)
    write_private(home / "location", f"{found}\n")
    return found


def socket_directory(data: Path) -> str:
    """Return the directory for the socket: the data directory, or a private temporary directory if that path is too long for a socket.

    Raises `ConfigurationError` if another user owns the temporary directory. Root uses none: any user could create it first.
    """
    if _fits(data):
        return str(data)
    if os.geteuid() == 0:
        raise ConfigurationError(
            f"The path {data} is too long for a socket. Move the project, or set DATABASE__DATA_DIR to a shorter path."
        )
    directory = Path(tempfile.gettempdir()) / f"api-base-{os.geteuid()}-{name(data)}"
    if directory.is_symlink():
        raise ConfigurationError(f"{directory} is a symbolic link. Remove it, or set DATABASE__DATA_DIR to a shorter path.")
    own_directory(directory)
    return str(directory)


def name(path: Path) -> str:
    """Return a short, stable name for `path`."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]


def _fits(data: Path) -> bool:
    return len(str(data / ".s.PGSQL.5432.lock").encode()) <= MAX_SOCKET_PATH


def _entered_by_others(home: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in home.parents)

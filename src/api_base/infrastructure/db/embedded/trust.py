"""Which files a process may trust: those in a directory of its own that no other user can write to.

Root runs the server as `nobody`, who owns the data directory and the socket in it. What root reads there may be a link or a pipe, and what it
contains is checked; root executes nothing and follows no path from there.
"""

import errno
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError

PRIVATE: Final = 0o700
PRIVATE_FILE: Final = 0o600
ENTERED_BY_OTHERS: Final = 0o711
_MAX_BYTES: Final = 4096


def own_directory(path: Path, mode: int = PRIVATE) -> None:
    """Create a directory of this user with `mode`, or check that it is one.

    Raises `ConfigurationError` if it belongs to another user, who could have written what it contains; `OSError` if it cannot be used.
    """
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    state = path.stat()
    if state.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} belongs to the user {_user(state.st_uid)}, whose files this process does not trust. Remove it or change its owner, "
            "or set DATABASE__DATA_DIR to another path."
        )
    if stat.S_IMODE(state.st_mode) != mode:
        path.chmod(mode)


def present(path: Path) -> bool:
    """Return whether an entry exists. Raises `OSError` when that is unknown, unlike `Path.exists`."""
    with suppress(FileNotFoundError, NotADirectoryError):
        path.lstat()
        return True
    return False


def read_untrusted(path: Path) -> str:
    """Return the first 4 KiB of a regular file. Raises `OSError` for anything else, such as a link or a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        return os.read(descriptor, _MAX_BYTES).decode(errors="replace")
    finally:
        os.close(descriptor)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

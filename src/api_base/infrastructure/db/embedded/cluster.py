"""The data directory of the server ("cluster"): made beside its place and renamed when it is complete, never deleted and never overwritten."""

import os
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.binaries import Binaries
from api_base.infrastructure.db.embedded.programs import run_program
from api_base.infrastructure.db.embedded.state_files import write_private
from api_base.infrastructure.db.embedded.trust import PRIVATE, present, read_untrusted

_NEW: Final = "data.new-"


def exists(data: Path) -> bool:
    """Return whether `data` is a cluster that `initdb` completed."""
    return present(data / "PG_VERSION") and present(data / "global/pg_control")


def create(programs: Binaries, data: Path, password: str) -> None:
    """Make a cluster in `data`, whose superuser has `password`. Something else that is there is renamed.

    Raises `ConfigurationError` with the reason that initdb gives.
    """
    for abandoned in data.parent.glob(f"{_NEW}*"):
        with suppress(OSError):
            abandoned.rmdir()  # which initdb emptied when it was interrupted
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=data.parent))
    new.chmod(PRIVATE)
    secret = data.with_name("initdb.password")
    write_private(secret, password)
    if uid := programs.run_as.get("user"):
        os.chown(new, uid, -1)
        os.chown(secret, uid, -1)
    command = [
        programs.path("initdb"), "-D", str(new), "-U", "postgres", f"--pwfile={secret}", "--auth=scram-sha-256",
        "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync",
    ]  # fmt: skip
    try:
        done = run_program(command, run_as=programs.run_as)
    finally:
        secret.unlink()
    if done.returncode:
        new.rmdir()  # initdb has emptied it
        raise ConfigurationError(f"The data directory {data} cannot be created: {_last_line(done.stderr)}")
    _move_aside(data)
    new.rename(data)


def check_version(programs: Binaries, data: Path) -> None:
    """Raise `ConfigurationError` if the cluster belongs to another version of PostgreSQL."""
    version = run_program([programs.path("postgres"), "--version"])
    if version.returncode:
        raise ConfigurationError(f"The program {programs.path('postgres')} does not run: {_last_line(version.stderr)}")
    ours = version.stdout.split()[-1]
    theirs = read_untrusted(data / "PG_VERSION").strip()
    if not theirs.isdecimal():
        raise ConfigurationError(f"{data / 'PG_VERSION'} is damaged. Restore the data directory from a backup.")
    if ours.split(".")[0] != theirs:
        raise ConfigurationError(
            f"The data in {data} belongs to PostgreSQL {theirs}, but the installed server is {ours}. Dump it with the old version "
            "and restore it, or move the directory away to start with an empty database."
        )


def _move_aside(data: Path) -> None:
    """Rename what is in the place of a new cluster, unless it is an empty directory."""
    if not present(data) or (data.is_dir() and not data.is_symlink() and not any(data.iterdir())):
        return
    aside = data.with_name(f"{data.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    data.rename(aside)
    print(f"api-base: {data} was not a complete database: it was renamed to {aside}, and a new database was created.", file=sys.stderr)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"

"""The two files beside the data: the roles' passwords (mode 0600), and where the running server listens. All of a file or nothing is written."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The directory of the server's socket, its port, and the program that asks whether it answers."""

    socket: str
    port: int
    pg_isready: str


class Notes:
    """The files in `home`."""

    def __init__(self, home: Path) -> None:
        self._running, self._passwords = home / "running.json", home / "passwords.json"

    def running(self) -> Running | None:
        """What was noted last; None where nothing was, or nothing that can be read."""
        try:
            found = Running(**json.loads(self._running.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return found

    def note(self, running: Running) -> None:
        """Tell later processes where the server listens."""
        write_private(self._running, json.dumps(asdict(running)))

    def forget(self) -> None:
        """Say that no server runs."""
        self._running.unlink(missing_ok=True)

    @property
    def has_passwords(self) -> bool:
        """Whether the roles were made before."""
        return self._passwords.exists()

    def keep(self, passwords: Mapping[str, str]) -> None:
        """Keep the passwords, by role."""
        write_private(self._passwords, json.dumps(dict(passwords)))

    def passwords(self) -> dict[str, str]:
        """By role. Raises `ConfigurationError` where the file is lost or broken: without it nobody enters."""
        try:
            found = json.loads(self._passwords.read_text())
            return {str(role): str(password) for role, password in found.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"The passwords of the embedded database in {self._passwords} cannot be read ({error}): bring the file back from a copy, "
                "or move the directory away to start afresh."
            ) from None


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    temporary.replace(path)

"""The state files beside the data: the roles' passwords (mode 0600), and where the running server listens. Each is written atomically."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from api_base.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The directory of the server's socket, its port, and the path of pg_isready."""

    socket: str
    port: int
    pg_isready: str


class StateFiles:
    """The state files in `home`."""

    def __init__(self, home: Path) -> None:
        self._running, self._passwords = home / "running.json", home / "passwords.json"

    def running(self) -> Running | None:
        """Return the last recorded server; None without a readable record."""
        try:
            found = Running(**json.loads(self._running.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return found

    def write_running(self, running: Running) -> None:
        """Record where the server listens, for other processes."""
        write_private(self._running, json.dumps(asdict(running)))

    def remove_running(self) -> None:
        """Record that no server runs."""
        self._running.unlink(missing_ok=True)

    @property
    def has_passwords(self) -> bool:
        """Return whether the roles exist."""
        return self._passwords.exists()

    def write_passwords(self, passwords: Mapping[str, str]) -> None:
        """Store the passwords by role."""
        write_private(self._passwords, json.dumps(dict(passwords)))

    def passwords(self) -> dict[str, str]:
        """Return the passwords by role. Raises `ConfigurationError` if the file is missing or damaged."""
        try:
            found = json.loads(self._passwords.read_text())
            return {str(role): str(password) for role, password in found.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"The passwords of the embedded database in {self._passwords} cannot be read ({error}). Restore the file from a backup, "
                "or move the directory away to start with an empty database."
            ) from None


def write_private(path: Path, content: str) -> None:
    """Write a file atomically, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    temporary.replace(path)

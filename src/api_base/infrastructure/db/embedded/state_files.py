"""The state files beside the data: the roles' passwords (mode 0600), and where the running server listens. Each is written atomically."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.trust import PRIVATE_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The directory of the server's socket, and its port."""

    socket: str
    port: int


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
        return found if isinstance(found.socket, str) and isinstance(found.port, int) else None

    def write_running(self, running: Running) -> None:
        """Record where the server listens, for other processes."""
        write_private(self._running, json.dumps(asdict(running)))

    def remove_running(self) -> None:
        """Record that no server runs."""
        self._running.unlink(missing_ok=True)

    @property
    def has_passwords(self) -> bool:
        """Return whether passwords were stored."""
        return self._passwords.exists()

    def write_passwords(self, passwords: Mapping[str, str]) -> None:
        """Store the passwords by role."""
        write_private(self._passwords, json.dumps(dict(passwords)))

    def passwords(self, roles: tuple[str, ...]) -> dict[str, str]:
        """Return the passwords of `roles`. Raises `ConfigurationError` if the file is missing or damaged."""
        try:
            stored = json.loads(self._passwords.read_text())
            found = {role: stored[role] for role in roles}
        except OSError as error:
            raise self._unreadable(str(error.strerror)) from None
        except (ValueError, TypeError, LookupError):
            raise self._unreadable("the file is damaged") from None
        if not all(isinstance(password, str) and password for password in found.values()):
            raise self._unreadable("the file is damaged")
        return found

    def _unreadable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"The passwords of the embedded database in {self._passwords} cannot be read: {reason}. Restore the file from a backup, "
            "or move the data directory away to start with an empty database."
        )


def write_private(path: Path, content: str) -> None:
    """Write a file atomically, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    temporary.replace(path)

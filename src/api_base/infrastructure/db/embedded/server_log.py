"""The log of the server: readable by its owner only, since statements that failed are in it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from api_base.infrastructure.db.embedded.trust import PRIVATE_FILE

_SEVERE: Final = re.compile(r"\b(?:FATAL|PANIC): (?!.*the database system is).*")
"""Fatal for the server, not only for a connection that came too early or too late."""
_EXPLANATION: Final = re.compile(r"\b(?:DETAIL|HINT): (.*)")


class ServerLog:
    """The file at `path`; `open` continues it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the log for a start of the server."""
        with open(self.path, "ab", opener=lambda path, flags: os.open(path, flags, PRIVATE_FILE)) as file:
            os.fchmod(file.fileno(), PRIVATE_FILE)
            self._offset = file.tell()
            yield file

    def reason(self) -> str:
        """Return why this start failed, in the words of the server: its last fatal message with the hint, or else its last line."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read().decode(errors="replace").strip().splitlines() or ["no reason was given"]
        severe = [(number, found) for number, line in enumerate(lines) if (found := _SEVERE.search(line))]
        if not severe:
            return lines[-1].strip()
        number, message = severe[-1]
        explanations = [found[1] for line in lines[number + 1 :] if (found := _EXPLANATION.search(line))]
        return " ".join(" ".join([message[0], *explanations]).split())

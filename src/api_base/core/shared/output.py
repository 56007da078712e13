"""Standard output and error that never fail: a full disk or a dead reader costs lines of the log, not the service.

Lost writes are counted; the number is written once writing works again.
"""

import io
import os
import sys
from typing import Final, TextIO, cast

LOST: Final = '{{"level": "warning", "event": "log_writes_lost", "count": {count}}}\n'


class LossyOutput(io.TextIOBase):
    """Text on a file descriptor, written at each flush that has whole lines. `lost` counts writes that failed."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._pending, self.lost = descriptor, "", 0

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write whole lines immediately, so that lines of several processes do not mix."""
        self._pending += text
        if text.endswith("\n"):
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Write what is pending. Never raises."""
        text, self._pending = self._pending, ""
        if not text:
            return
        if self.lost:
            text = LOST.format(count=self.lost) + text
        content = text.encode("utf-8", "backslashreplace")
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
        except OSError:
            self.lost += 1
        else:
            self.lost = 0


def survive_lost_output() -> None:
    """Replace standard output and error of this process."""
    sys.stdout, sys.stderr = (cast("TextIO", LossyOutput(descriptor)) for descriptor in (1, 2))

"""The supervisor's side of the background worker: started again when it ends, after a pause that doubles while it keeps ending at once."""

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from api_base.serving.children import start

_MIN_RESTART_DELAY: Final = 0.5
_MAX_RESTART_DELAY: Final = 30.0


class WorkerProcess:
    """Nothing runs before the first `ensure_running`. `variables` is its environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._pause, self._since = _MIN_RESTART_DELAY, 0.0
        self._replaced = False
        self.process: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> None:
        """Start it if it does not run."""
        if self.process is not None:
            if self.process.poll() is None or not self._due(self.process.returncode):
                return
            self._replaced = False
        self._since = time.monotonic()
        self.process = start("api_base.cli", "worker", environment=self._variables)

    def replace(self) -> None:
        """Let it finish what is under way; a new one starts when it has ended."""
        if self.process is not None and self.process.poll() is None:
            self._replaced = True
            self.process.terminate()

    def _due(self, code: int) -> bool:
        """Whether the next is to be started by now."""
        lived = time.monotonic() - self._since
        if self._replaced:
            self._pause = _MIN_RESTART_DELAY
            return True
        if lived < self._pause:
            return False
        print(f"api-base: the worker ended with code {code}; starting it again", file=sys.stderr)
        self._pause = _MIN_RESTART_DELAY if lived > _MAX_RESTART_DELAY else min(self._pause * 2, _MAX_RESTART_DELAY)
        return True

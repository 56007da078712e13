"""The supervisor's side of the background worker. A worker that ends is restarted; the delay doubles while it keeps ending early."""

import subprocess
import sys
import time
from collections.abc import Mapping

from api_base.serving.children import Backoff, start


class WorkerProcess:
    """The worker process; the first `ensure_running` starts it. `variables` is its environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._backoff, self._started_at = Backoff(), 0.0
        self._replaced = False
        self.process: subprocess.Popen[bytes] | None = None

    def ensure_running(self) -> None:
        """Start the worker unless it runs or its restart delay has not passed."""
        if self.process is not None:
            if self.process.poll() is None or not self._due(self.process.returncode):
                return
            self._replaced = False
        self._started_at = time.monotonic()
        self.process = start("api_base.cli", "worker", environment=self._variables)

    def replace(self) -> None:
        """Stop the worker, which finishes its current work. `ensure_running` starts a new one after it."""
        if self.process is not None and self.process.poll() is None:
            self._replaced = True
            self.process.terminate()

    def stop(self) -> None:
        """Ask the worker to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def _due(self, code: int) -> bool:
        """Return whether the next worker may start now."""
        if self._replaced:
            self._backoff = Backoff()
            return True
        if not self._backoff.due(self._started_at):
            return False
        print(f"api-base: the worker ended with code {code}; restarting it", file=sys.stderr)
        return True

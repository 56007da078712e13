"""The supervisor's side of the process that prepares the database: it runs when a server process asks for it, one at a time."""

import subprocess
from collections.abc import Mapping, Sequence

from api_base.serving.children import LOGIN, PREPARE, ServerProcess, start


class PreparationProcess:
    """Runs the process for the server processes that wait for it. `variables` is its environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._seeds, self._login_printed = True, False
        self.process: subprocess.Popen[bytes] | None = None

    def advance(self, servers: Sequence[ServerProcess], *, serving: bool) -> None:
        """Start the process if a server waits for it, or, while all are `serving`, for the login of a first run. Answer when it ends."""
        if self.process is None:
            if any(server.has_sent(PREPARE) for server in servers) or (
                serving and not self._login_printed and any(server.has_sent(LOGIN) for server in servers)
            ):
                self._start()
        elif (code := self.process.poll()) is not None:
            self.process = None
            for server in servers:
                if server.has_sent(PREPARE):
                    server.prepared(code)

    def stop(self) -> None:
        """Ask the process to end. PostgreSQL rolls back what it was doing."""
        if self.process is not None:
            self.process.terminate()

    def _start(self) -> None:
        """Start the process. Only the first one seeds: a replacement of processes must not change the password that was printed."""
        self.process = start("api_base.serving.preparation", *(["--seed"] if self._seeds else []), environment=self._variables)
        self._seeds, self._login_printed = False, True

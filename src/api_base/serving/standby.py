"""A server process that has imported the base, and waits to become the next one: a reload then imports only the code of the contexts."""

from api_base.serving.children import ServerProcess


class Standby:
    """`process` stands by, if one does."""

    def __init__(self) -> None:
        self.process: ServerProcess | None = None
        self._stood_by = self._wanted = True

    def ensure_running(self) -> None:
        """Start the process, unless the last one could not even import the base: the next would report the same."""
        if self.process is None and self._wanted:
            self.process = ServerProcess()

    def take(self) -> ServerProcess:
        """Return the process that stands by, or a new one."""
        stood_by, self.process = self.process, None
        self._stood_by, self._wanted = stood_by is not None and stood_by.process.poll() is None, True
        return stood_by if stood_by is not None and self._stood_by else ServerProcess()

    def note_failure(self) -> None:
        """Note that the process that was taken last cannot serve."""
        self._wanted = self._stood_by

    def discard(self) -> ServerProcess | None:
        """Return the process, whose imports are outdated: it has to end."""
        outdated, self.process = self.process, None
        return outdated

"""What happened to a request, for access log, metrics and trace."""

from typing import Protocol

from api_base.core.types.context import RequestContext


class RequestRecorder(Protocol):
    """Told of every request twice, on the response path: it must neither wait nor raise."""

    def started(self) -> None:
        """A request came in."""
        ...

    def finished(self, context: RequestContext, method: str, route: str, status: int, started_at: float, seconds: float) -> None:
        """It was answered: `route` is the template, never the raw path; `started_at` is seconds since the epoch."""
        ...

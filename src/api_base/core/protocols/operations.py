"""The view of operators on a process: health, metrics, the record of each request, the calls of each dependency."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from api_base.core.types import RequestContext


@runtime_checkable
class Resource(Protocol):
    """What a process opens before it works, and closes at its end."""

    async def open(self) -> None:
        """Connect or load. An error ends the start of the process."""

    async def close(self) -> None:
        """Release everything that `open` took."""


@runtime_checkable
class HealthCheck(Protocol):
    """The health of one dependency, which `/health/ready` shows."""

    @property
    def name(self) -> str:
        """Return the name of the dependency, in lower snake_case."""

    @property
    def required(self) -> bool:
        """Return whether every request needs the dependency: the process is not ready while a required one does not answer."""

    async def check(self) -> None:
        """Send a cheap request to the dependency. Any exception means that it is not healthy. The caller limits the time."""


class CircuitState(Enum):
    """CLOSED sends every call, OPEN refuses every call, HALF_OPEN sends a few probes, which decide between the two."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFigures:
    """`state`, `in_flight` and `queued` are current values, the others are totals since the process started.

    `calls` counts the attempts that ended in a result or an error; `failures` and `slow` are those of them that count against the
    dependency. `refused` calls were not sent: the circuit was open or the bulkhead full. `retries` counts the attempts after the
    first one, `openings` how often the circuit opened.
    """

    name: str
    state: CircuitState
    in_flight: int
    queued: int
    calls: int
    failures: int
    slow: int
    refused: int
    retries: int
    openings: int


class Metrics(Protocol):
    """The metrics in `/metrics`."""

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics of all processes and their media type, which depends on the header `Accept` of the request."""


class AfterResponse(Protocol):
    """For work whose duration the caller must not be able to measure, such as counting a failed login."""

    def call(self, action: Callable[[], Awaitable[None]]) -> None:
        """Await `action` after the response of the current request, in order of the calls. An error is logged and stops no other action.

        Raises `ProgrammingError` outside a request.
        """


class RequestRecorder(Protocol):
    """Writes access log, metrics and trace. It is called twice for every request, on the response path: it neither waits nor raises."""

    def started(self) -> None:
        """A request arrived."""

    def finished(self, context: RequestContext, method: str, route: str, status: int, started_at: float, seconds: float) -> None:
        """The response was sent. `route` is the template, never the raw path; `started_at` is in seconds since the epoch."""


@runtime_checkable
class Probe(Protocol):
    """An adapter whose service `api-base doctor` can check. An adapter without a service does not implement it."""

    async def check(self) -> str:
        """Connect once, and return the name of the service. Raises `Unavailable`. Leaves nothing open."""

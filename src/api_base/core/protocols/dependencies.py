"""What is known of the calls to one outbound dependency, for whoever shows it."""

from dataclasses import dataclass
from enum import Enum


class CircuitState(Enum):
    """Closed, calls go through; open, none does; half open, a few do, to find out which it shall be."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFigures:
    """`state` and `in_flight` and `queued` are of now, the rest totals since the process started.

    `calls` were answered, by a result or an error, each attempt of a retried call for itself; `failures` and `slow` are those of
    them that count against the dependency. `refused` were not even sent: the circuit was open or the bulkhead full.
    `retries` are the attempts after a first one, `openings` how often the circuit opened.
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

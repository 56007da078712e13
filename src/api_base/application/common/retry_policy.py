"""Whether failed work is retried or dead: one decision for jobs and for deliveries of events.

An outage (`Transient`, `Unavailable`) is retried until it ends, and `OUTAGE_DELAY` seconds later at the latest. A refusal will not change, so the work becomes dead immediately. Any other
failure is retried until the work has no attempts left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api_base.core.errors import ApiBaseError, EventRefused, ProgrammingError, Transient, Unavailable
from api_base.core.shared import backoff

OUTAGE_DELAY: Final = 20.0
"""Seconds between two attempts during an outage, at most: however long it lasted, its work is done soon after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Work that is not `dead` is due again in `delay` seconds. An `outage` does not count as a failure of the work itself."""

    dead: bool
    refused: bool
    outage: bool
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`refusals` are the errors that a retry cannot overcome. `delay` returns the seconds to wait after an attempt (from 1)."""

    refusals: tuple[type[Exception], ...]
    delay: Callable[[int], float] = backoff.delay

    def decide(self, error: Exception, *, attempt: int, failures: int, max_failures: int) -> Decision:
        """Decide about work whose `attempt` (from 1) has raised `error`, after `failures` earlier failures of its own."""
        outage = isinstance(error, Transient | Unavailable)
        refused = isinstance(error, self.refusals) and not outage and not isinstance(error, ProgrammingError)
        dead = refused or (not outage and failures + 1 >= max_failures)
        return Decision(dead=dead, refused=refused, outage=outage, delay=self._delay(attempt, dead=dead, outage=outage))

    def _delay(self, attempt: int, *, dead: bool, outage: bool) -> float:
        if dead:
            return 0.0
        return min(self.delay(attempt), OUTAGE_DELAY) if outage else self.delay(attempt)


JOB_REFUSALS: Final = (ApiBaseError,)
"""The errors that a retry of a job cannot overcome: a business rule, a missing permission."""
DELIVERY_REFUSALS: Final = (EventRefused,)
"""The errors that a retry of a delivery cannot overcome. Errors of the subscriber may depend on other events, so they are retried."""

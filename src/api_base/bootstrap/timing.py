"""Intervals and delays of the background worker, in one place: tests pass shorter ones."""

from collections.abc import Callable
from dataclasses import dataclass

from api_base.core.shared import backoff
from api_base.infrastructure.tasks.executor import RENEWAL_INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTiming:
    """All in seconds.

    `poll_interval` passes between two polls, which find work without a notification; `renewal_interval` between two renewals of job leases.
    `retry_delay` returns the delay after a failed attempt (from 1) of a job or a delivery.
    """

    poll_interval: float = 1.0
    renewal_interval: float = RENEWAL_INTERVAL
    retry_delay: Callable[[int], float] = backoff.delay

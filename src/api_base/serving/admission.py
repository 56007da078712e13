"""Admission control of a server process: bounded concurrency, and a short queue before it.

The queue is first in, first out as long as it empties. Once it has not been empty for `STRESS_SECONDS` the process is overloaded: the newest
request is served first, because its client still waits, and the oldest ones are refused ["Fail at Scale", ACM Queue 13(8), 2015: adaptive
LIFO and CoDel].
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

STRESS_SECONDS: Final = 0.1
MIN_WAIT_SECONDS: Final = 0.2
MAX_WAIT_SECONDS: Final = 0.8
"""Seconds after which a waiting request may be refused, and is refused. In between a sweep refuses a part of the queue, so that clients
that were refused together, and ask again together, spread out."""
SWEEPS: Final = 7
"""The part is one in so many."""


def overdue(since: Iterable[float], count: int, now: float) -> int:
    """Return how many of `count` that wait `since` these times, the longest first, a sweep refuses."""
    part = count // SWEEPS + 1
    for number, began in enumerate(since):
        waited = now - began
        if waited < MIN_WAIT_SECONDS or (number >= part and waited < MAX_WAIT_SECONDS):
            return number
    return count


class Candidate(Protocol):
    """A request that wants to be served."""

    queued_at: float

    @property
    def gone(self) -> bool:
        """Whether its client has left."""
        ...

    def start(self) -> None:
        """Serve it. It calls `Admission.release` once."""
        ...

    def refuse(self) -> None:
        """Answer that the server is overloaded."""
        ...


class Admission:
    """At most `concurrency` requests run. `clock` returns seconds."""

    def __init__(self, concurrency: int, clock: Callable[[], float]) -> None:
        self._concurrency, self._clock = concurrency, clock
        self._running = 0
        self._queue: deque[Candidate] = deque()
        self._waited_since: float | None = None

    def offer(self, candidate: Candidate) -> None:
        """Start the request, or let it wait."""
        if self._running < self._concurrency:
            self._running += 1
            candidate.start()
        else:
            self.wait(candidate)

    def wait(self, candidate: Candidate) -> None:
        """Let the request wait."""
        now = candidate.queued_at = self._clock()
        if self._waited_since is None:
            self._waited_since = now
        self._queue.append(candidate)

    def release(self) -> None:
        """End the work of one request; the next one starts."""
        self._running -= 1
        self._fill()

    def give_back(self) -> None:
        """Count one request less, which `start` found to need no work."""
        self._running -= 1

    def resume(self) -> None:
        """Continue a request after `release` without waiting: it paused for its client, and holds resources."""
        self._running += 1

    def expire(self) -> None:
        """Refuse what has waited too long. Called ten times a second."""
        for _ in range(overdue((candidate.queued_at for candidate in self._queue), len(self._queue), self._clock())):
            candidate = self._queue.popleft()
            if not candidate.gone:
                candidate.refuse()
        self._note_empty()

    @property
    def stressed(self) -> bool:
        """Whether the queue has not been empty for `STRESS_SECONDS`."""
        return self._waited_since is not None and self._clock() - self._waited_since > STRESS_SECONDS

    def _fill(self) -> None:
        queue = self._queue
        while queue and self._running < self._concurrency:
            candidate = queue.pop() if self.stressed else queue.popleft()
            if not candidate.gone:
                self._running += 1
                candidate.start()
        self._note_empty()

    def _note_empty(self) -> None:
        if not self._queue:
            self._waited_since = None

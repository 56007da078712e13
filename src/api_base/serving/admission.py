"""Admission control of a server process: bounded concurrency, and a short queue before it.

The queue is first in, first out as long as it empties. Once it has not been empty for `STRESS_SECONDS` the process is overloaded: the newest
request is served first, because its client still waits, and the oldest ones are refused ["Fail at Scale", ACM Queue 13(8), 2015: adaptive
LIFO and CoDel].
"""

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final, Protocol

STRESS_SECONDS: Final = 0.1
MAX_WAIT_SECONDS: Final = 0.5
"""Seconds after which a waiting request is refused."""


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
            return
        now = candidate.queued_at = self._clock()
        if self._waited_since is None:
            self._waited_since = now
        self._queue.append(candidate)

    def release(self) -> None:
        """End the work of one request; the next one starts."""
        self._running -= 1
        self._fill()

    def resume(self) -> None:
        """Continue a request after `release` without waiting: it paused for its client, and holds resources."""
        self._running += 1

    def expire(self, seconds: float) -> None:
        """Refuse what has waited too long, for at most `seconds`: the rest is refused by the next calls. Called regularly."""
        deadline, until = self._clock() - MAX_WAIT_SECONDS, perf_counter() + seconds
        while self._queue and self._queue[0].queued_at <= deadline and perf_counter() < until:
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

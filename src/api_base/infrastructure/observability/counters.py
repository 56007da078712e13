"""Counters of a process: plain integers in a memory-mapped file, which all processes of the server can read.

A file is an array of slots of 128 words (int64, native byte order). A slot is a series: the length of its key, the key (UTF-8), then its
values. The length is written last, so that a reader never sees half a key. The owner locks the file (flock) for its whole life: readers
recognize a dead process by the free lock. Its totals still count, its gauges do not.
"""

import fcntl
import mmap
import os
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram, in seconds, inclusive; the last bucket is +Inf."""

WORD: Final = 8
SLOT: Final = 128
VALUES: Final = 32
"""Offset of the values in a slot, in words."""
SUM: Final = VALUES + len(BUCKETS) + 1
"""Offset of the sum of durations, in nanoseconds."""
EXEMPLARS: Final = SUM + 1
"""Offset of the exemplars: of each bucket, the last request that was traced."""
EXEMPLAR: Final = 5
"""Words of an exemplar: its trace id (two), span id, duration in nanoseconds, and time in nanoseconds since the epoch."""
MAX_KEY_LENGTH: Final = (VALUES - 1) * WORD
SLOTS: Final = 2048
GAUGES: Final = 48
"""Slots 1 to 48 hold gauges; slot 0 holds the process id and the requests in progress."""
TOTAL: Final = "_total"
"""What ends the name of a gauge that only grows: such figures of all processes are added, those of dead ones too."""
DEPENDENCIES: Final = 64
"""The number of slots for outbound dependencies, after those of the gauges. Requests follow."""
EVALUATIONS: Final = 256
"""The number of slots for variants of feature flags, after those of the dependencies. Requests follow."""
FIRST_EVALUATION: Final = GAUGES + DEPENDENCIES + 1
DELIVERIES: Final = FIRST_EVALUATION + EVALUATIONS
"""The slot for the deliveries of events. Requests follow."""
REQUESTS: Final = DELIVERIES + 1

PID: Final = 1
IN_PROGRESS: Final = 2
SCALE: Final = 1_000_000
"""Gauges are stored in millionths."""

SUFFIX: Final = ".counters"
OTHER: Final = ("OTHER", "<other>", 0)
"""The series for all requests once no slot is free: the number of series is bounded."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE", "CONNECT"})


class Counters:
    """The processes of a server share `directory`. Without one, the counters stay in this process's memory."""

    def __init__(self, directory: Path | None = None) -> None:
        self._file = None if directory is None else _create(directory)
        self._map = None if self._file is None else mmap.mmap(self._file, SLOTS * SLOT * WORD)
        self.words = memoryview(self._map if self._map is not None else bytearray(SLOTS * SLOT * WORD)).cast("q")
        self.words[PID] = os.getpid()
        self._requests: dict[tuple[str, str, int], int] = {}
        self._gauges: dict[str, int] = {}
        self._dependencies: dict[str, int] = {}
        self._evaluations: dict[str, int] = {}
        self._next = REQUESTS

    def started(self) -> None:
        self.words[IN_PROGRESS] += 1

    def finished(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a finished request that took `seconds`."""
        words = self.words
        words[IN_PROGRESS] -= 1
        base = self._requests.get((method, route, status))
        if base is None:
            base = self._new(method, route, status)
        words[base + VALUES + bisect_left(BUCKETS, seconds)] += 1
        words[base + SUM] += int(seconds * 1e9)

    def traced(self, method: str, route: str, status: int, seconds: float, trace_id: str, span_id: str) -> None:
        """Remember a finished request, which is counted already, as the example of its bucket."""
        base = self._requests.get((method, route, status))
        if base is None:
            return
        words, at = self.words, base + EXEMPLARS + bisect_left(BUCKETS, seconds) * EXEMPLAR
        words[at + 3] = 0  # a reader that sees half of an exemplar ignores it
        words[at], words[at + 1], words[at + 2] = _signed(trace_id[:16]), _signed(trace_id[16:]), _signed(span_id)
        words[at + 4] = time.time_ns()
        words[at + 3] = max(int(seconds * 1e9), 1)

    def gauge(self, name: str, value: float) -> None:
        """Set a gauge of this process. Ignores names beyond the first 48."""
        base = self._gauges.get(name)
        if base is None:
            if len(self._gauges) == GAUGES:
                return
            base = self._gauges[name] = (len(self._gauges) + 1) * SLOT
            self._label(base, name)
        self.words[base + VALUES] = int(value * SCALE)

    def dependency(self, name: str, values: Sequence[int]) -> None:
        """Set the figures of an outbound dependency, at most 32. Ignores names beyond the first 64."""
        base = self._dependencies.get(name)
        if base is None:
            if len(self._dependencies) == DEPENDENCIES:
                return
            base = self._dependencies[name] = (GAUGES + len(self._dependencies) + 1) * SLOT
            self._label(base, name)
        for offset, value in enumerate(values, base + VALUES):
            self.words[offset] = value

    def evaluated(self, flag: str, variant: str, times: int) -> None:
        """Count evaluations of a feature flag. Ignores variants beyond the first 256."""
        name = f"{flag} {variant}"
        base = self._evaluations.get(name)
        if base is None:
            if len(self._evaluations) == EVALUATIONS:
                return
            base = self._evaluations[name] = (FIRST_EVALUATION + len(self._evaluations)) * SLOT
            self._label(base, name)
        self.words[base + VALUES] += times

    def delivered(self, seconds: float) -> None:
        """Count an event that connected clients received `seconds` after it happened."""
        words, base = self.words, DELIVERIES * SLOT
        words[base + VALUES + bisect_left(BUCKETS, seconds)] += 1
        words[base + SUM] += int(seconds * 1e9)

    def close(self) -> None:
        """Close the file, which stays: its totals still count. Counting continues in memory."""
        if self._map is not None and self._file is not None:
            copy = memoryview(bytearray(self.words)).cast("q")
            self.words.release()
            self.words = copy
            self._map.close()
            os.close(self._file)
            self._map = self._file = None

    def _new(self, method: str, route: str, status: int) -> int:
        series = method, route, status
        base = self._series("OTHER", route, status) if method not in METHODS else self._series(*series)
        if len(self._requests) < SLOTS * 4:
            self._requests[series] = base
        return base

    def _series(self, method: str, route: str, status: int) -> int:
        found = self._requests.get((method, route, status))
        if found is not None:
            return found
        if self._next >= SLOTS - 1 and (method, route, status) != OTHER:
            return self._series(*OTHER)
        base = self._next * SLOT
        self._next += 1
        self._label(base, f"{method} {status} {route}")
        self._requests[method, route, status] = base
        return base

    def _label(self, base: int, text: str) -> None:
        key = text.encode()[:MAX_KEY_LENGTH]
        self.words[base + 1 : base + VALUES] = memoryview(key.ljust(MAX_KEY_LENGTH, b"\0")).cast("q")
        self.words[base] = len(key)


def _signed(text: str) -> int:
    """A number of 16 hexadecimal digits as a word."""
    number = int(text, 16)
    return number - (1 << 64) if number >> 63 else number


def _create(directory: Path) -> int:
    """Create a file for this process, and lock it while it is open."""
    directory.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        try:
            file = os.open(directory / f"{os.getpid()}-{number}{SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        fcntl.flock(file, fcntl.LOCK_EX)  # a reader may hold the lock briefly
        os.ftruncate(file, SLOTS * SLOT * WORD)
        return file

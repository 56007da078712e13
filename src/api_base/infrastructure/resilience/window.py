"""Sliding windows over the outcomes of calls, of bounded size whatever the traffic."""

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

PARTS: Final = 10
"""Parts of a window by time; it slides by one part."""


@dataclass(slots=True)
class Tally:
    calls: int = 0
    failures: int = 0
    slow: int = 0

    def add(self, other: "Tally", times: int = 1) -> None:
        self.calls += times * other.calls
        self.failures += times * other.failures
        self.slow += times * other.slow


class Window(Protocol):
    def add(self, outcome: Tally, now: float) -> Tally:
        """Note `outcome` and tell the sum of what is in the window; `now` in seconds, never less than before."""
        ...


class CountWindow:
    """The last `size` calls."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._outcomes: deque[Tally] = deque()
        self._sum = Tally()

    def add(self, outcome: Tally, now: float) -> Tally:
        self._outcomes.append(outcome)
        self._sum.add(outcome)
        if len(self._outcomes) > self._size:
            self._sum.add(self._outcomes.popleft(), -1)
        return self._sum


class TimeWindow:
    """The last `seconds`, in ten parts: between nine and ten tenths of it are seen, and ten numbers are kept."""

    def __init__(self, seconds: float) -> None:
        self._part = seconds / PARTS
        self._parts: deque[tuple[int, Tally]] = deque()
        self._sum = Tally()

    def add(self, outcome: Tally, now: float) -> Tally:
        number = int(now // self._part)
        while self._parts and self._parts[0][0] <= number - PARTS:
            self._sum.add(self._parts.popleft()[1], -1)
        if not self._parts or self._parts[-1][0] != number:
            self._parts.append((number, Tally()))
        self._parts[-1][1].add(outcome)
        self._sum.add(outcome)
        return self._sum

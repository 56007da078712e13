"""The acknowledged writes: what the counter compares with the database."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chaos.http import Answer, Request

type Item = Mapping[str, Any]
"""An item in the form of the API, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """`kind` is one of a fixed set of words; `what` names the item, event or write."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(slots=True)
class Attempt:
    """A write in flight to `server`. Times are nanoseconds of the monotonic clock; `ended` is None until the response."""

    server: str
    began: int
    ended: int | None = None

    def in_flight(self, at: int) -> bool:
        return self.began < at and (self.ended is None or at < self.ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The event that must have been stored with a version of an item. `by` is the acknowledged request."""

    event: str
    by: str


@dataclass(slots=True)
class Journal:
    """`items` in their last acknowledged state, `versions` by item and version."""

    items: dict[UUID, Item] = field(default_factory=dict)
    versions: dict[tuple[UUID, int], Told] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    """Acknowledged writes by kind."""
    unknown: int = 0
    """Attempts with an unknown outcome."""
    recovered: int = 0
    """Writes that were acknowledged after an attempt with an unknown outcome."""
    replays: int = 0
    """Acknowledged writes that were repeated and got their first response."""
    violations: list[Violation] = field(default_factory=list)

    @property
    def writes(self) -> int:
        """The number of acknowledged writes."""
        return self.acknowledged.total()

    def attempt(self, server: str) -> Attempt:
        """Record a write in flight."""
        made = Attempt(server, time.monotonic_ns())
        self.attempts.append(made)
        return made

    def changed(self, item: Item, event: str, by: str) -> None:
        """Record an acknowledged write with the state of its item."""
        id, version = UUID(item["id"]), int(item["version"])
        before = self.items.get(id)
        if version != (1 if before is None else before["version"] + 1):
            self.violates("wrong version", f"item {id}: {by} was answered with version {version} after {before and before['version']}")
        self.items[id] = item
        self.versions[id, version] = Told(event=event, by=by)

    def violates(self, kind: str, what: str) -> None:
        self.violations.append(Violation(kind=kind, what=what))


def described(request: Request, answer: Answer) -> str:
    """For a violation's text."""
    return f"{request.method} {request.path} key={request.key} If-Match={request.expected} was answered {answer.status} {str(answer.body)[:300]}"

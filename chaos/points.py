"""Named points at which a process can be killed, and the protocol by which it learns to kill itself.

The killer arms a point by writing a file. Every process counts how often it passes the point; the first one that reaches the required number
removes the file, records the time, and sends itself SIGKILL. So exactly one process dies, exactly there.
"""

import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final


class Moment(Enum):
    """The moment relative to a statement: before it is sent, sent and not answered, answered."""

    BEFORE = auto()
    SENT = auto()
    AFTER = auto()


class Way(Enum):
    """The transport of events and jobs: the database alone, or Kafka and RabbitMQ."""

    DATABASE = auto()
    BROKERS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`kind` is the process that passes the point: `server` or `worker`. `statement` is the pattern of the statement that marks it, or None;
    `role` is then the role of its connection. `way` is None if the point is passed with every transport of events and jobs."""

    name: str
    kind: str
    what: str
    moment: Moment | None = None
    statement: re.Pattern[str] | None = None
    role: str = "app"
    way: Way | None = None


def _at(name: str, kind: str, what: str, moment: Moment, statement: str, role: str = "app", way: Way | None = None) -> Point:
    pattern = re.compile(statement, re.IGNORECASE | re.DOTALL)
    return Point(name=name, kind=kind, what=what, moment=moment, statement=pattern, role=role, way=way)


_COMMIT: Final = r"commit;?$"
_WRITE: Final = r"\s*(insert into (items|audit|outbox)\b|with change as)"
_ONE_STATEMENT: Final = r"with t as materialized .*guard_rows"
"""A change without a transaction of its own is sent as one statement, which begins with its owner."""
_MARK: Final = r"\s*with marked as .*update outbox o set published"
_REMOVE: Final = "delete from deliveries d using"
_CLAIM: Final = r"\s*with recursive tenants .* set state = 'running'"
_CLAIM_ONE: Final = r"\s*update jobs j set state = 'running'"
_PICK: Final = r"\s*with recursive tenants .* set dispatched_attempt = attempts"
_READ: Final = r"\s*select .* from outbox o\s+where not published"
_TAKEN: Final = "select distinct aggregate_id from deliveries"
_SETTLE: Final = r"\s*update jobs set state = "

ANSWER_HALF_SENT: Final = Point(name="answer half sent", kind="server", what="the head of the response is sent, its body is not")
IN_HANDLER: Final = Point(name="in handler", kind="worker", what="a subscriber's handler has started and registered nothing yet")

IN_JOB: Final = Point(name="in job", kind="worker", what="a job is claimed and started, and has registered nothing yet")

POINTS: Final = (
    _at("before begin", "server", "the command runs, no statement of its transaction is sent", Moment.BEFORE, "begin"),
    _at("between statements", "server", "inside the transaction, before one of its rows is written", Moment.BEFORE, _WRITE),
    _at("before commit", "server", "all is written, COMMIT is not sent", Moment.BEFORE, _COMMIT),
    _at("commit sent", "server", "COMMIT is sent and not answered", Moment.SENT, _COMMIT),
    _at("committed", "server", "COMMIT is answered, the client is not", Moment.AFTER, _COMMIT),
    _at("one statement sent", "server", "a change of one statement is sent and not answered", Moment.SENT, _ONE_STATEMENT),
    _at("one statement done", "server", "a change of one statement is answered, the client is not", Moment.AFTER, _ONE_STATEMENT),
    ANSWER_HALF_SENT,
    _at(
        "before publishing",
        "worker",
        "the relay has read a batch and published nothing",
        Moment.BEFORE,
        r"\s*with made as",
        "worker",
        Way.DATABASE,
    ),
    _at("batch read", "worker", "the relay has read a batch, and Kafka has none of it", Moment.AFTER, _READ, "worker", Way.BROKERS),
    _at("published", "worker", "a batch is published and not marked", Moment.BEFORE, _MARK, "worker"),
    _at("marked", "worker", "a batch is marked, its transaction not committed", Moment.AFTER, _MARK, "worker"),
    _at(
        "records taken", "worker", "a subscriber has read records from Kafka and handled none", Moment.BEFORE, _TAKEN, "worker", Way.BROKERS
    ),
    IN_HANDLER,
    _at("effect sent", "worker", "a subscriber's effect is sent and not answered", Moment.SENT, _ONE_STATEMENT),
    _at(
        "effect committed", "worker", "effects are committed, their deliveries not removed", Moment.BEFORE, _REMOVE, "worker", Way.DATABASE
    ),
    _at("effect done", "worker", "an effect is committed, its offset in Kafka is not", Moment.AFTER, _ONE_STATEMENT, way=Way.BROKERS),
    _at("job claimed", "worker", "jobs are claimed, the claim not committed", Moment.AFTER, _CLAIM, "worker", Way.DATABASE),
    _at("jobs picked", "worker", "jobs are marked as dispatched, RabbitMQ has none", Moment.AFTER, _PICK, "worker", Way.BROKERS),
    _at("job taken", "worker", "a message names a job, which is claimed", Moment.AFTER, _CLAIM_ONE, "worker", Way.BROKERS),
    IN_JOB,
    _at("job settled", "worker", "a job's effect and end are written, COMMIT is not sent", Moment.AFTER, _SETTLE),
    _at("job commit sent", "worker", "COMMIT of a subscriber's effect with its job, or of a job's, is sent", Moment.SENT, _COMMIT),
    _at("job done", "worker", "such a COMMIT is answered, and nothing was notified", Moment.AFTER, _COMMIT),
    _at("sealing", "worker", "seals are written, their transaction not committed", Moment.AFTER, r"\s*insert into audit_seals", "worker"),
)
"""In the order in which a write passes them."""


class Control:
    """The folder through which the killer and the processes communicate."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._taken, self._reached = folder / "armed", folder / "taken", folder / "reached"

    def arm(self, point: Point, kind: str, hits: int) -> None:
        """Kill the first process of `kind` that passes `point` for the `hits`th time from now on."""
        for file in (self._taken, self._reached):
            file.unlink(missing_ok=True)
        waiting = self._armed.with_suffix(".new")
        waiting.write_text(f"{time.monotonic_ns()}\n{kind}\n{hits}\n{point.name}")
        waiting.replace(self._armed)

    def disarm(self) -> bool:
        """Disarm. Returns whether the point was still armed; otherwise a process has just reached it."""
        try:
            self._armed.rename(self._armed.with_suffix(".old"))
        except FileNotFoundError:
            return False
        return True

    def armed(self) -> tuple[str, str, int, str] | None:
        """The armed id, kind of process, hits and point, or None, which costs one file lookup."""
        try:
            descriptor = os.open(self._armed, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor) as file:
            arming, kind, hits, point = file.read().split("\n")
        return arming, kind, int(hits), point

    def take(self, name: str) -> bool:
        """Whether this process may kill itself. If so, reports its `name` and the time to the killer."""
        try:
            self._armed.rename(self._taken)
        except FileNotFoundError:
            return False
        report = self._reached.with_suffix(".new")
        report.write_text(f"{name}\n{time.monotonic_ns()}")
        report.replace(self._reached)
        return True

    def reached(self) -> tuple[str, int] | None:
        """The process that killed itself, and the time in nanoseconds of the monotonic clock, which all processes share."""
        try:
            name, at = self._reached.read_text().split("\n")
        except FileNotFoundError:
            return None
        return name, int(at)


class Watch:
    """The process's side: called whenever the process passes a point."""

    def __init__(self, control: Control, kind: str, name: str) -> None:
        self.kind = kind
        self._control, self._name = control, name
        self._arming, self._hits = "", 0
        self._statements = [point for point in POINTS if point.kind == kind and point.statement is not None]

    def come_by(self, points: Sequence[Point]) -> None:
        """Kill this process if one of the points is armed and this is the hit."""
        armed = self._control.armed()
        if armed is None or armed[1] != self.kind or armed[3] not in (point.name for point in points):
            return
        arming, _, hits, _ = armed
        if arming != self._arming:
            self._arming, self._hits = arming, 0
        self._hits += 1
        if self._hits >= hits and self._control.take(self._name):
            os.kill(os.getpid(), signal.SIGKILL)

    def points(self, moment: Moment, role: str, sql: str) -> list[Point]:
        """The points that `sql` passes at `moment` on a connection of `role`; none while nothing is armed."""
        if self._control.armed() is None:
            return []
        of_them = (point for point in self._statements if point.moment is moment and point.role == role)
        return [point for point in of_them if point.statement is not None and point.statement.match(sql)]

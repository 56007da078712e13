"""Named points at which a process may be killed, and how it learns that it is to kill itself at one.

The killer arms a point by leaving a file; every process counts how often it comes by, and the first one that has come by often
enough takes the file away, notes when, and sends itself SIGKILL. So exactly one dies, exactly there.
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
    """When, seen from a statement: before it is sent, sent and not answered, answered."""

    BEFORE = auto()
    SENT = auto()
    AFTER = auto()


class Way(Enum):
    """What carries events to subscribers and jobs to workers: the database alone, or Kafka and RabbitMQ."""

    DATABASE = auto()
    BROKERS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`kind` is the process that comes by: `server` or `worker`. `statement` is None where no statement tells; otherwise `role` is
    that of the connection on which it is sent. `way` is None where it is come by whatever carries events and jobs."""

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
"""A change that needs no transaction of its own goes as one statement, which begins with its owner."""
_MARK: Final = "update outbox o set published"
_REMOVE: Final = "delete from deliveries d using"
_CLAIM: Final = r"\s*with recursive tenants .* set state = 'running'"
_CLAIM_ONE: Final = r"\s*update jobs j set state = 'running'"
_PICK: Final = r"\s*with recursive tenants .* set dispatched_attempt = attempts"
_READ: Final = r"\s*select .* from outbox o\s+where not published"
_TAKEN: Final = "select distinct aggregate_id from deliveries"
_SETTLE: Final = r"\s*update jobs set state = "

ANSWER_HALF_SENT: Final = Point(name="answer half sent", kind="server", what="head of the answer on the wire, its body not")
IN_HANDLER: Final = Point(name="in handler", kind="worker", what="a subscriber's handler has begun and registered nothing yet")

IN_JOB: Final = Point(name="in job", kind="worker", what="a job is claimed and begun, and has registered nothing yet")

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
    _at("batch read", "worker", "the relay has read a batch, Kafka has nothing of it", Moment.AFTER, _READ, "worker", Way.BROKERS),
    _at("published", "worker", "a batch is published and not marked", Moment.BEFORE, _MARK, "worker"),
    _at("marked", "worker", "a batch is marked, its transaction not committed", Moment.AFTER, _MARK, "worker"),
    _at("records taken", "worker", "a subscriber has records of Kafka and handled none", Moment.BEFORE, _TAKEN, "worker", Way.BROKERS),
    IN_HANDLER,
    _at("effect sent", "worker", "a subscriber's effect is sent and not answered", Moment.SENT, _ONE_STATEMENT),
    _at(
        "effect committed", "worker", "effects are committed, their deliveries not removed", Moment.BEFORE, _REMOVE, "worker", Way.DATABASE
    ),
    _at("effect done", "worker", "an effect is committed, its offset in Kafka is not", Moment.AFTER, _ONE_STATEMENT, way=Way.BROKERS),
    _at("job claimed", "worker", "jobs are claimed, the claim not committed", Moment.AFTER, _CLAIM, "worker", Way.DATABASE),
    _at("jobs picked", "worker", "jobs are noted as handed over, RabbitMQ has none", Moment.AFTER, _PICK, "worker", Way.BROKERS),
    _at("job taken", "worker", "a message names a job, which is claimed", Moment.AFTER, _CLAIM_ONE, "worker", Way.BROKERS),
    IN_JOB,
    _at("job settled", "worker", "a job's effect and end are written, COMMIT is not sent", Moment.AFTER, _SETTLE),
    _at("job commit sent", "worker", "COMMIT of a subscriber's effect with its job, or of a job's, is sent", Moment.SENT, _COMMIT),
    _at("job done", "worker", "such a COMMIT is answered, nobody has been told", Moment.AFTER, _COMMIT),
    _at("sealing", "worker", "seals are written, their transaction not committed", Moment.AFTER, r"\s*insert into audit_seals", "worker"),
)
"""In the order in which a write comes by."""


class Control:
    """The folder through which killer and processes speak."""

    def __init__(self, folder: Path) -> None:
        self._armed, self._taken, self._reached = folder / "armed", folder / "taken", folder / "reached"

    def arm(self, point: Point, kind: str, hits: int) -> None:
        """Kill the first process of `kind` that comes by `point` for the `hits`th time from now on."""
        for file in (self._taken, self._reached):
            file.unlink(missing_ok=True)
        waiting = self._armed.with_suffix(".new")
        waiting.write_text(f"{time.monotonic_ns()}\n{kind}\n{hits}\n{point.name}")
        waiting.replace(self._armed)

    def disarm(self) -> bool:
        """Whether it was armed still: otherwise somebody has just reached the point."""
        try:
            self._armed.rename(self._armed.with_suffix(".old"))
        except FileNotFoundError:
            return False
        return True

    def armed(self) -> tuple[str, str, int, str] | None:
        """Which arming, kind of process, hits and point; None mostly, and then it costs one look for a file."""
        try:
            descriptor = os.open(self._armed, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor) as file:
            arming, kind, hits, point = file.read().split("\n")
        return arming, kind, int(hits), point

    def take(self, name: str) -> bool:
        """Whether this process is the one that may die of it; `name` and the time are told to the killer."""
        try:
            self._armed.rename(self._taken)
        except FileNotFoundError:
            return False
        told = self._reached.with_suffix(".new")
        told.write_text(f"{name}\n{time.monotonic_ns()}")
        told.replace(self._reached)
        return True

    def reached(self) -> tuple[str, int] | None:
        """Which process killed itself, and when, in nanoseconds of the monotonic clock, which all processes share."""
        try:
            name, at = self._reached.read_text().split("\n")
        except FileNotFoundError:
            return None
        return name, int(at)


class Watch:
    """A process's side: told whenever it comes by a point."""

    def __init__(self, control: Control, kind: str, name: str) -> None:
        self.kind = kind
        self._control, self._name = control, name
        self._arming, self._hits = "", 0
        self._statements = [point for point in POINTS if point.kind == kind and point.statement is not None]

    def come_by(self, points: Sequence[Point]) -> None:
        """Dies here when one of them is armed and it is this process's turn."""
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
        """Those that `sql` comes by at `moment` on a connection of `role`; none while nothing is armed."""
        if self._control.armed() is None:
            return []
        of_them = (point for point in self._statements if point.moment is moment and point.role == role)
        return [point for point in of_them if point.statement is not None and point.statement.match(sql)]

"""Progress is written to the job that runs the command; the same command outside a job has none to write to."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import pytest

from api_base.core.types import Delivery, Origin, RunningJob, TenantId
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWork, current_unit
from api_base.infrastructure.tasks.completion import SqlJobCompletion

JOB = RunningJob(id=uuid4(), tenant_id=TenantId(uuid4()), attempt=2, command=None)


class Unit:
    """A unit of work that keeps what is to be written."""

    def __init__(self, origin: Origin | None) -> None:
        self.origin = origin
        self.senders: dict[type[Any], Any] = {}

    def sender(self, kind: type[Any], make: Any) -> Any:
        return self.senders.setdefault(kind, make())


@pytest.fixture
def begun() -> Iterator[Any]:
    tokens = []

    def begin(origin: Origin | None) -> Unit:
        unit = Unit(origin)
        tokens.append(current_unit.set(cast("SqlUnitOfWork", unit)))
        return unit

    yield begin
    for token in reversed(tokens):
        current_unit.reset(token)


@pytest.mark.parametrize("origin", [None, Delivery(subscription="a.b", event_id=uuid4())])
def test_outside_a_job_nothing_is_written(begun: Any, origin: Origin | None) -> None:
    unit = begun(origin)
    SqlJobCompletion(7).advance(50)
    assert unit.senders == {}


@pytest.mark.parametrize(("percent", "written"), [(-1, 0), (0, 0), (50, 50), (100, 100), (101, 100)])
def test_a_job_is_between_0_and_100_percent(begun: Any, percent: int, written: int) -> None:
    unit = begun(JOB)
    SqlJobCompletion(7).advance(percent)
    (sender,) = unit.senders.values()
    assert sender.rows == [(written,)]
    assert sender.tenant == JOB.tenant_id

"""What contexts may declare as jobs."""

from dataclasses import dataclass, field

import pytest

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.application.common.jobs import Job, Jobs
from api_base.core.errors import ProgrammingError
from api_base.core.shared import backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Command[None]):
    permission = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Secretive(Command[None]):
    permission = PUBLIC
    password: str = field(repr=False)


def test_a_command_is_found_by_its_name_and_by_itself() -> None:
    jobs, job = Jobs(), Job(name="tests.plain", message=Plain)
    jobs.add([job])
    assert jobs.named("tests.plain") is jobs.of(Plain()) is job
    assert jobs.named("tests.other") is None


def test_what_is_declared_twice_is_refused() -> None:
    jobs = Jobs()
    jobs.add([Job(name="tests.plain", message=Plain)])
    for again in (Job(name="tests.plain", message=Secretive), Job(name="tests.other", message=Plain)):
        with pytest.raises(ProgrammingError, match="declared twice"):
            jobs.add([again])


def test_a_command_with_a_secret_is_no_job() -> None:
    with pytest.raises(ProgrammingError, match="Secretive cannot be a job: its row would hold the secret password"):
        Jobs().add([Job(name="tests.secretive", message=Secretive)])


def test_pauses_grow_to_their_longest_and_are_never_the_same_for_all() -> None:
    pauses = [[backoff.delay(attempt, first=1.0, maximum=300.0) for _ in range(200)] for attempt in (1, 2, 5, 20, 10_000)]
    for made, whole in zip(pauses, (1.0, 2.0, 16.0, 300.0, 300.0), strict=True):
        assert whole / 2 <= min(made) < max(made) <= whole

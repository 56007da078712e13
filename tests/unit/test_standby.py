"""The process that stands by for the next reload. The processes are real, and are killed before they import anything."""

from collections.abc import Iterator

import pytest

from api_base.serving.children import ServerProcess
from api_base.serving.standby import Standby


@pytest.fixture
def standby() -> Iterator[Standby]:
    one = Standby()
    yield one
    if (left := one.discard()) is not None:
        killed(left)


def killed(one: ServerProcess) -> ServerProcess:
    one.process.kill()
    one.process.wait()
    return one


def waiting(standby: Standby) -> ServerProcess:
    standby.ensure_running()
    assert standby.process is not None
    return standby.process


def test_the_process_that_stands_by_is_taken_and_another_one_follows(standby: Standby) -> None:
    first = waiting(standby)
    assert waiting(standby) is first
    assert killed(standby.take()) is first
    assert standby.process is None
    assert waiting(standby) is not first


def test_a_dead_process_is_not_taken(standby: Standby) -> None:
    dead = killed(waiting(standby))
    taken = killed(standby.take())
    assert taken is not dead


def test_after_code_of_a_context_that_cannot_serve_another_one_stands_by(standby: Standby) -> None:
    waiting(standby)
    killed(standby.take())
    standby.note_failure()
    assert waiting(standby).process.poll() is None


def test_after_a_base_that_cannot_be_imported_none_stands_by_until_it_serves(standby: Standby) -> None:
    outdated = waiting(standby)
    assert standby.discard() is outdated
    killed(outdated)
    killed(standby.take())  # the new base
    standby.note_failure()
    standby.ensure_running()
    assert standby.process is None
    killed(standby.take())  # the repaired one
    assert waiting(standby).process.poll() is None

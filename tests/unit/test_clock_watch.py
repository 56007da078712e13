"""A clock that disagrees with PostgreSQL's is named once, in words that say which way and what to do."""

import pytest
from structlog.testing import capture_logs

from api_base.infrastructure.db.clock_watch import ClockWatch, complaint


@pytest.mark.parametrize(("ahead", "said"), [(5.1, "5 s ahead of PostgreSQL's"), (-7200.0, "7200 s behind PostgreSQL's")])
def test_a_wrong_clock_is_named(ahead: float, said: str) -> None:
    found = complaint(ahead)
    assert found is not None
    assert said in found
    assert "NTP" in found


@pytest.mark.parametrize("ahead", [0.0, 5.0, -5.0])
def test_what_access_tokens_tolerate_is_not(ahead: float) -> None:
    assert complaint(ahead) is None


def test_it_is_logged_when_it_begins_and_when_it_ends() -> None:
    watch = ClockWatch()
    with capture_logs() as logs:
        for ahead in (0.0, 60.0, 61.0, 0.0, 0.0, -60.0):
            watch.note(ahead)
    assert [line["event"] for line in logs] == ["clock_wrong", "clock_right_again", "clock_wrong"]

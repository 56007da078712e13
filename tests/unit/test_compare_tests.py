"""A test that vanishes is noticed, and one that moved is found."""

import pytest

from tools.compare_tests import Move, missing, parse_moves, successors

BEFORE = ["tests/a.py::test_x", "tests/a.py::test_y[1]", "tests/a.py::test_y[2]"]


def moved(before: str, now: str) -> Move:
    return Move(before=before, now=now, reason="renamed")


def test_a_test_that_vanished_is_missing() -> None:
    assert missing(BEFORE, BEFORE, []) == {}
    assert missing(BEFORE, BEFORE[:2], []) == {"tests/a.py::test_y[2]": "tests/a.py::test_y[2]"}


def test_a_module_takes_its_tests_along() -> None:
    now = [id.replace("a.py", "b.py") for id in BEFORE]
    assert missing(BEFORE, now, [moved("tests/a.py", "tests/b.py")]) == {}
    assert missing(BEFORE, now[1:], [moved("tests/a.py", "tests/b.py")]) == {"tests/a.py::test_x": "tests/b.py::test_x"}


def test_a_row_covers_whole_names_only() -> None:
    assert missing(["tests/a.py::test_xy"], [], [Move(before="tests/a.py::test_x", now="", reason="removed")]) != {}
    assert missing(["tests/a.py::test_x"], [], [Move(before="tests/a.py::test_x", now="", reason="removed")]) == {}


def test_a_function_keeps_the_number_of_its_cases_when_their_names_change() -> None:
    row = moved("tests/a.py::test_y", "tests/a.py::test_y")
    assert missing(BEFORE[1:], ["tests/a.py::test_y[one]", "tests/a.py::test_y[two]"], [row]) == {}
    assert missing(BEFORE[1:], ["tests/a.py::test_y[one]"], [row]) == {id: id for id in BEFORE[1:]}


def test_moves_follow_each_other() -> None:
    rows = [moved("tests/a.py", "tests/b.py"), moved("tests/b.py::test_x", "tests/b.py::test_z")]
    assert missing(["tests/a.py::test_x"], ["tests/b.py::test_z"], rows) == {}


def test_moves_in_a_circle_find_nothing() -> None:
    rows = [moved("tests/a.py", "tests/b.py"), moved("tests/b.py", "tests/a.py")]
    assert missing(["tests/a.py::test_x"], [], rows) == {"tests/a.py::test_x": "tests/a.py::test_x"}


def test_a_function_that_took_parameters_is_still_there() -> None:
    assert missing(["tests/a.py::test_x"], ["tests/a.py::test_x[1]"], []) == {}


def test_the_tests_of_before_are_listed_where_they_are_now() -> None:
    rows = [
        moved("tests/a.py", "tests/b.py"),
        moved("tests/b.py::test_y", "tests/c.py::test_y"),
        Move(before="tests/d.py", now="", reason="removed"),
    ]
    now = ["tests/c.py::test_y[one]", "tests/c.py::test_y[two]", "tests/e.py::test_new", "tests/b.py::test_x[1]", "tests/b.py::test_xy"]
    before = ["tests/a.py::test_x", "tests/b.py::test_y[1]", "tests/d.py::test_z", "tests/f.py::test_lost"]
    assert successors(before, now, rows) == [now[0], now[1], now[3]]


@pytest.mark.parametrize("row", ["tests/a.py", "tests/a.py\ttests/b.py", "tests/a.py\ttests/b.py\t ", "\ttests/b.py\tno", "a\tb\tc\td"])
def test_a_row_without_a_reason_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="line 2 must be"):
        parse_moves(["before\tnow\treason", row])

"""The directory of a run's counters goes with the run; what a killed run left goes with the next."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api_base.serving.run_directory import run_directory

KILLED = """
import os, signal, sys
from pathlib import Path
from api_base.serving.run_directory import run_directory
with run_directory(Path(sys.argv[1])) as directory:
    (directory / "1.counters").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_there_for_as_long_as_the_run(tmp_path: Path) -> None:
    with run_directory(tmp_path) as directory:
        (directory / "1.counters").touch()
    assert list(tmp_path.iterdir()) == []


def test_that_of_another_run_is_left_alone(tmp_path: Path) -> None:
    with run_directory(tmp_path) as first, run_directory(tmp_path) as second:
        assert {*tmp_path.iterdir()} == {first, second}
        assert first != second


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    with run_directory(tmp_path) as directory:
        assert directory != left
        assert list(tmp_path.iterdir()) == [directory]


def test_what_is_not_of_a_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with run_directory(tmp_path):
        assert (tmp_path / "other").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user, or remove it")
def test_that_of_another_user_is_left_alone(tmp_path: Path) -> None:
    planted = tmp_path / "api-base-run-planted"
    planted.mkdir()
    os.chown(planted, 65534, -1)
    with run_directory(tmp_path):
        assert planted.exists()

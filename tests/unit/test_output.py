"""Standard output that fails costs lines, not the process."""

import os
import sys
from pathlib import Path

import pytest

from api_base.core.shared.logging import configure_logging, get_logger
from api_base.core.shared.output import LossyOutput


def test_a_full_disk_costs_lines_and_their_number_is_written_afterwards(tmp_path: Path) -> None:
    full, good = os.open("/dev/full", os.O_WRONLY), os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    output = LossyOutput(full)
    for line in ("a\n", "b\n"):
        assert output.write(line) == 2
    assert output.lost == 2
    os.dup2(good, full)
    print("c", "ä\ud800", file=output)
    assert (tmp_path / "log").read_text() == '{"level": "warning", "event": "log_writes_lost", "count": 2}\nc ä\\ud800\n'
    assert output.lost == 0
    os.close(full)
    os.close(good)


def test_a_dead_reader_costs_lines() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    output = LossyOutput(writer)
    print("a", file=output, flush=True)
    assert output.lost == 1
    os.close(writer)


def test_a_line_is_one_write(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    output = LossyOutput(writer)
    output.write("half a ")
    output.write("line\n")
    output.write("and more")
    assert os.read(reader, 100) == b"half a line\n"
    output.flush()
    assert os.read(reader, 100) == b"and more"
    assert not output.isatty()
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("json", [False, True])
def test_logging_survives_it(json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(sys, "stdout", LossyOutput(full))
    try:
        configure_logging(level="info", json=json)
        get_logger("test").warning("something", of="importance")
        assert sys.stdout.lost == 1
    finally:
        monkeypatch.undo()
        configure_logging(level="info", json=False)
        os.close(full)

"""Every command in README and docs works as written, pasted into a shell beside a running backend."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import open_folder
from tests.e2e.documentation import ELSEWHERE, ROOT, TELL_TOKEN, answers, blocks, checkout, paste
from tests.e2e.processes import serving

pytestmark = pytest.mark.slow

SECTIONS = sorted({(block.file, block.section) for block in blocks("sh") if block.commands.strip()} - ELSEWHERE.keys())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A project after its first start, with the response to the commands that the first run printed."""

    home: Path
    port: int
    token: str
    answer: Any


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with open_folder() as home:
        checkout(home)
        with serving(home, "--no-worker") as backend:
            announced = re.search(r"Try it:\n\n(.+?)\n\nDocumentation:", backend.ready().output, re.DOTALL)
            assert announced is not None, backend.output
            answer, token = answers(paste(f"{announced[1]}\n{TELL_TOKEN}", home))
            yield Reader(home=home, port=backend.port, token=token, answer=answer)


def test_what_the_first_run_announces_works_as_pasted(reader: Reader) -> None:
    assert reader.answer["sku"] == "CHAIR-1"
    assert reader.answer["prices"] == [{"amount": "12.50", "currency": "EUR"}]


@pytest.mark.parametrize(("file", "section"), SECTIONS)
def test_the_commands_of_a_section(reader: Reader, file: str, section: str) -> None:
    commands = "".join(block.commands for block in blocks("sh", file, section))
    printed = paste(commands, reader.home, port=reader.port, TOKEN=reader.token)
    for shown in blocks("json", file, section):
        same(json.loads(printed), json.loads(shown.text))


def same(answer: dict[str, Any], shown: dict[str, Any]) -> None:
    """Assert the same fields in the same order, with the same values except ids and timestamps."""
    assert list(answer) == list(shown)
    assert {name for name in shown if answer[name] != shown[name]} <= {"id", "created_at", "updated_at"}


def test_every_make_target_in_the_documentation_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {target for block in blocks("sh") for target in block.targets}
    assert asked >= {"run", "test"}
    assert asked <= targets


def test_no_command_escapes() -> None:
    """Commands are in blocks named `sh`, and the test that executes a section elsewhere names it."""
    assert [block for language in ("bash", "shell", "console", "zsh") for block in blocks(language)] == []
    for (file, section), test in ELSEWHERE.items():
        assert blocks("sh", file, section), f"{file} no longer has commands under {section!r}"
        assert f'"{section}"' in (ROOT / test).read_text()

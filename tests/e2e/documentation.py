"""The fenced code blocks of README.md, AGENTS.md and docs, for the tests that execute them as a reader would paste them."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.processes import environment
from tests.isolation import child_setup

ROOT: Final = Path(__file__).parents[2]
README: Final = "README.md"
AGENTS: Final = "AGENTS.md"
GENERATE: Final = "docs/generate.md"
TUTORIAL: Final = "docs/tutorial.md"

ELSEWHERE: Final = {
    (README, "The main job, on real input"): "tests/e2e/test_films.py",
    (README, "A context of your own"): "tests/e2e/test_outside_package.py",
    (README, "In production"): "tests/e2e/test_production.py",
    (AGENTS, "Commands"): "tests/e2e/test_generated_project.py",
    (GENERATE, "A new project"): "tests/e2e/test_generated_project.py",
    (GENERATE, "A resource"): "tests/e2e/test_generated_project.py",
    (GENERATE, "A resource, written out"): "tests/e2e/test_generated_project.py",
    (GENERATE, "A message, a job, a subscription, a relation, a revision"): "tests/e2e/test_generated_project.py",
    (GENERATE, "A newer version"): "tests/e2e/test_generated_project.py",
    (TUTORIAL, "1. A project"): "tests/e2e/test_tutorial.py",
    (TUTORIAL, "2. A resource"): "tests/e2e/test_tutorial.py",
    (TUTORIAL, "3. A rule"): "tests/e2e/test_tutorial.py",
    (TUTORIAL, "4. A job and a subscription"): "tests/e2e/test_tutorial.py",
    (TUTORIAL, "5. Use it"): "tests/e2e/test_tutorial.py",
    (TUTORIAL, "6. An import"): "tests/e2e/test_tutorial.py",
    (TUTORIAL, "7. Deploy it"): "tests/e2e/test_tutorial.py",
}
"""Sections whose commands need more than a running backend, and the test that executes them. tests/e2e/test_documentation.py executes the others."""

_FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$|^## ([^\n]+)$", re.MULTILINE | re.DOTALL)
_MAKE: Final = re.compile(r"^make ([\w-]+).*\n", re.MULTILINE)
_STRICT: Final = """set -euo pipefail
curl() { command curl --fail-with-body "$@"; }
"""
"""A failing command and a response with a problem fail the test."""

TELL_TOKEN: Final = """printf '"%s"' "$TOKEN"\n"""
"""Appended to commands that set TOKEN, prints it as one more answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    file: str
    section: str
    language: str
    text: str

    @property
    def commands(self) -> str:
        """The lines to execute: all but `make`, whose targets would run in the project itself."""
        return _MAKE.sub("", self.text)

    @property
    def targets(self) -> list[str]:
        """The targets of `make` in it."""
        return _MAKE.findall(self.text)


def blocks(language: str, file: str | None = None, section: str | None = None) -> list[Block]:
    """The blocks in `language`, of all files, one file or one of its sections, in reading order."""
    files = [ROOT / README, ROOT / AGENTS, *sorted((ROOT / "docs").rglob("*.md"))]
    found = [block for path in files for block in _blocks(path)]
    return [b for b in found if b.language == language and file in (None, b.file) and section in (None, b.section)]


def _blocks(path: Path) -> list[Block]:
    found, section = [], ""
    for language, text, heading in _FENCE.findall(path.read_text(encoding="utf-8")):
        section = heading or section
        if language:
            found.append(Block(file=str(path.relative_to(ROOT)), section=section, language=language, text=text))
    return found


def checkout(home: Path) -> None:
    """Link the environment and the examples into `home`, where the commands expect them."""
    (home / ".venv").symlink_to(sys.prefix)
    (home / "examples").symlink_to(ROOT / "examples")


def paste(commands: str, home: Path, *, port: int | None = None, **variables: str) -> str:
    """Run `commands` in a shell in `home` and return their output. `port` replaces port 8000."""
    if port is not None:
        commands = commands.replace("localhost:8000", f"localhost:{port}")
    done = subprocess.run(
        ["bash", "-c", _STRICT + commands],
        preexec_fn=child_setup(),
        cwd=home,
        env=environment(**variables),
        text=True,
        capture_output=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def answers(printed: str) -> list[Any]:
    """The JSON values in `printed`, concatenated as `curl` prints them."""
    decoder, found, rest = json.JSONDecoder(), [], printed.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found

"""A copy of the project in which tests run while its code is changed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from tools.mutants.mutation import Mutation, apply
from tools.mutants.scope import ROOT

COPIED: Final = (
    "pyproject.toml",
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "src",
    "tests",
    "tools",
    "docs",
    "examples",
    "chaos",
    "benchmarks",
    "services",
)
PLUGINS: Final = ("asyncio", "xdist", "pytest_cov", "timeout", "hypothesispytest", "tools.mutants.outcomes")
KILL_SECONDS: Final = 15.0
"""How long a test run may take to end its servers before it is killed."""


class Tree:
    """`folder` is made again. Tests import the copy, since its `src` comes first on the path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, folder / name)
        self.outcomes = folder / "outcomes.json"
        self.coverage = folder / ".coverage"

    def run(self, arguments: Sequence[str], seconds: float, group: Sequence[Mutation] = ()) -> int | None:
        """Run pytest with `arguments` while `group` is applied. The exit code, or None when it took longer than `seconds`."""
        paths = {one.path for one in group}
        originals = {path: (self._folder / path).read_bytes() for path in paths}
        try:
            for path, original in originals.items():
                (self._folder / path).write_bytes(apply(original, [one for one in group if one.path == path]))
            return self._pytest(arguments, seconds)
        finally:
            for path, original in originals.items():
                (self._folder / path).write_bytes(original)

    def _pytest(self, arguments: Sequence[str], seconds: float) -> int | None:
        self.outcomes.unlink(missing_ok=True)
        plugins = [part for plugin in PLUGINS for part in ("-p", plugin)]
        environment = os.environ | {
            "PYTHONPATH": str(self._folder / "src"), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "MUTANTS_OUTCOMES": str(self.outcomes), "COVERAGE_FILE": str(self.coverage),
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", "-q", *arguments],
            cwd=self._folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt pytest, so that fixtures end their servers; then kill whatever is left of its session."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(KILL_SECONDS)


def fingerprint(*folders: str) -> str:
    """Changes with any Python file below `folders`."""
    digest = sha256()
    for file in sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]

"""A copy of the project in which tests run while its code is changed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from tools.mutants.mutation import Mutation, apply
from tools.mutants.runs import Ended, Request
from tools.mutants.scope import ROOT, SOURCE

COPIED: Final = (
    "pyproject.toml",
    "Makefile",
    "README.md",
    "AGENTS.md",
    "CHANGELOG.md",
    "llms.txt",
    "mkdocs.yml",
    "uv.lock",
    "src",
    "tests",
    "tools",
    "deploy",
    "docs",
    "examples",
    "chaos",
    "benchmarks",
    "services",
)
MEASURING: Final = ("asyncio", "xdist", "pytest_cov", "timeout", "hypothesispytest", "tools.mutants.outcomes")


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
        self._warm: subprocess.Popen[str] | None = None
        self._made_by: Set[str] = frozenset()

    def measure(self, arguments: Sequence[str]) -> None:
        """Run pytest with `arguments` in processes of its own, with coverage."""
        plugins = [part for plugin in MEASURING for part in ("-p", plugin)]
        command = [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", "-q", *arguments]
        with (self._folder / "output.txt").open("wb") as output:
            subprocess.run(command, cwd=self._folder, env=self._environment(), stdout=output, stderr=output, check=False)

    def start(self) -> list[str]:
        """Start the process that runs tests, in place of an earlier one. The ids of the tests that are there."""
        if self._warm is not None:
            self._warm.kill()  # the processes that it started read the end of their pipes
            self._warm.wait()
        (self._folder / "database.json").unlink(missing_ok=True)
        self._warm = subprocess.Popen(
            [sys.executable, "-m", "tools.mutants.warm"],
            cwd=self._folder, env=self._environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if not (line := self._line()):
            raise SystemExit(f"The tests in {self._folder} cannot be run: see {self._folder / 'output.txt'}")
        made_by = json.loads((self._folder / "database.json").read_text(encoding="utf-8"))["made_by"]
        self._made_by = frozenset(SOURCE + name.rpartition(SOURCE)[2] for name in made_by)
        found: list[str] = json.loads(line)
        return found

    def run(self, chosen: Sequence[str], *, stop: bool, seconds: float, group: Sequence[Mutation] = ()) -> Ended:
        """Run the `chosen` tests while `group` is applied, with `stop` up to the first failure; `seconds` is how long they take unchanged."""
        paths = sorted({one.path for one in group})
        request = Request(
            chosen=chosen, stop=stop, changed=paths, cpu_seconds=20 + int(4 * seconds), seconds=90 + 4 * seconds,
            shared=self._made_by.isdisjoint(paths),
        )  # fmt: skip
        self.outcomes.unlink(missing_ok=True)
        with ExitStack() as stack:
            for path in paths:
                stack.enter_context(self._changed(self._folder / path, [one for one in group if one.path == path]))
            assert self._warm is not None  # started by the caller
            assert self._warm.stdin is not None
            self._warm.stdin.write(request.json() + "\n")
            self._warm.stdin.flush()
            return Ended(**json.loads(self._line()))

    @property
    def running(self) -> str:
        """The id of the test that started last."""
        return self.outcomes.with_suffix(".running").read_text(encoding="utf-8")

    def _line(self) -> str:
        assert self._warm is not None  # started by the caller
        assert self._warm.stdout is not None
        return self._warm.stdout.readline().strip()

    @contextmanager
    def _changed(self, file: Path, group: Sequence[Mutation]) -> Iterator[None]:
        """Afterwards the file has its time again, so that its bytecode counts."""
        original, times = file.read_bytes(), file.stat()
        file.write_bytes(apply(original, group))
        try:
            yield
        finally:
            file.write_bytes(original)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "PYTHONPATH": str(self._folder / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "MUTANTS_OUTCOMES": str(self.outcomes), "COVERAGE_FILE": str(self.coverage),
            "MUTANTS_MODULES": str(self._folder / "modules.json"), "MUTANTS_DATABASE": str(self._folder / "database.json"),
        }  # fmt: skip


def fingerprint(*folders: str) -> str:
    """Changes with any Python file below `folders`."""
    digest = sha256()
    for file in sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]

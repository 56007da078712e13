"""A copy of a project's code in which everything is written first: what cannot be completed changes nothing in the project."""

import difflib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import libcst as cst
from ruff import find_ruff_bin

from api_base.core.config import read_settings
from api_base.core.errors import ConfigurationError

type Edit = Callable[[cst.Module], cst.Module]

_COPIED: Final = ("src", "tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a file of the project becomes. `before` is None for a new one."""

    path: str
    before: str | None
    after: str

    @property
    def diff(self) -> str:
        """The change as `diff -u` and git show it."""
        source = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True), self.after.splitlines(keepends=True), source, f"b/{self.path}"
        )
        return "".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """The copy of `project` in `folder`. Its contexts are in the tuple `contexts_name` of the package `package`. Paths are relative to the project."""

    project: Path
    folder: Path
    package: str
    contexts_name: str

    @property
    def source(self) -> Path:
        """The folder of the copied packages."""
        return self.folder / "src"

    @property
    def contexts_file(self) -> str:
        """The module that lists the contexts."""
        return f"src/{self.package}/__init__.py"

    def exists(self, path: str) -> bool:
        """Return whether there is a file or folder."""
        return (self.folder / path).exists()

    def read(self, path: str) -> str:
        """Return the text of a file. Raises `ConfigurationError` for one that does not exist, or is no text."""
        if (text := text_of(self.folder, path)) is None:
            raise ConfigurationError(f"{path} does not exist. Run: api-base generate resource --help")
        return text

    def write_new(self, path: str, text: str) -> None:
        """Write a file. One that exists stays as it is: raises `ConfigurationError` if it is another one."""
        text = self._formatted(path, text)
        if self.exists(path):
            if self.read(path) != text:
                raise ConfigurationError(
                    f"{path} exists, and is not what this command writes. Nothing was changed. Edit it, or choose another name."
                )
            return
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def edit(self, path: str, *edits: Edit) -> None:
        """Change the syntax tree of a file. Raises `ConfigurationError` for a file that has no place for it, or is not Python."""
        before = self.read(path)
        try:
            module = cst.parse_module(before)
        except cst.ParserSyntaxError as error:
            raise ConfigurationError(f"{path}:{error.raw_line} is not Python: {error.message.rstrip('.')}. Correct it first.") from error
        for edit in edits:
            try:
                module = edit(module)
            except ConfigurationError as error:
                raise ConfigurationError(f"{path}: {error}") from error
        if module.code != before:
            (self.folder / path).write_text(self._formatted(path, module.code), encoding="utf-8")

    def texts(self) -> dict[str, str]:
        """Return the texts of its files, by path."""
        return {path: self.read(path) for path in _files(self.folder)}

    def changes(self) -> Sequence[Change]:
        """Return the files that differ from those of the project, by path."""
        changed = []
        for path in sorted(_files(self.folder)):
            ours = self.project / path
            if not ours.exists() or (self.folder / path).read_bytes() != ours.read_bytes():  # what stays may have another encoding
                changed.append(Change(path=path, before=text_of(self.project, path), after=self.read(path)))
        return changed

    def format_revisions(self) -> None:
        """Format the revisions that are new."""
        for change in self.changes():
            if "/migrations/" in change.path:
                (self.folder / change.path).write_text(self._formatted(change.path, change.after), encoding="utf-8")

    def _formatted(self, path: str, text: str) -> str:
        """Return `text` as ruff formats it with the project's settings, its imports sorted, without those that nothing uses."""
        sorted_text = self._ruff(path, text, "check", "--fix", "--quiet", "--exit-zero", "--select", "I,F401")
        return self._ruff(path, sorted_text, "format", "--quiet")

    def _ruff(self, path: str, text: str, *arguments: str) -> str:
        command = [find_ruff_bin(), *arguments, "--stdin-filename", path, "-"]
        done = subprocess.run(command, cwd=self.project, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ConfigurationError(f"{path} cannot be formatted: {done.stderr.strip().rstrip('.')}.")
        return done.stdout


@contextmanager
def staged(project: Path) -> Iterator[Staging]:
    """Yield a copy of the code of a project, for as long as the block. Raises `ConfigurationError` for a folder that is no project."""
    package, name = _contexts_of(project)
    with tempfile.TemporaryDirectory() as folder:
        for one in _COPIED:
            if (project / one).is_dir():
                shutil.copytree(
                    project / one, Path(folder) / one, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"), ignore_dangling_symlinks=True
                )
        yield Staging(project=project, folder=Path(folder), package=package, contexts_name=name)


def apply(project: Path, changes: Sequence[Change]) -> None:
    """Write the changes into the project: every file beside its place first, then each is moved there.

    Raises `ConfigurationError` for a file that was changed since it was read; then no file is.
    """
    moves: list[tuple[Path, Path]] = []
    try:
        for change in changes:
            target = project / change.path
            target.parent.mkdir(parents=True, exist_ok=True)
            written = target.with_name(f".{target.name}.{os.getpid()}")
            moves.append((written, target))
            written.write_text(change.after, encoding="utf-8")
        for change in changes:
            if text_of(project, change.path) != change.before:
                raise ConfigurationError(f"{change.path} was changed meanwhile. Nothing was written. Run the command again.")
        for written, target in moves:
            written.replace(target)
    finally:
        for written, _ in moves:
            written.unlink(missing_ok=True)


def text_of(folder: Path, path: str) -> str | None:
    """Return the text of a file; None if there is none. Raises `ConfigurationError` for one that is no text in UTF-8."""
    try:
        return (folder / path).read_text(encoding="utf-8") if (folder / path).exists() else None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is no text in UTF-8. Nothing was changed. Convert it, and run the command again.") from None


def _contexts_of(project: Path) -> tuple[str, str]:
    """Return the package, and the name in it, that `CONTEXTS` names and that this project has."""
    for one in read_settings()[0].contexts:
        package, _, name = one.partition(":")
        if (project / "src" / package / "__init__.py").is_file():
            return package, name
    raise ConfigurationError(
        f"{project} is no project to add code to: its .env names no CONTEXTS=package:CONTEXTS whose package is in src. "
        "Run this in the folder of a project that api-base new wrote."
    )


def _files(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix == ".py":
            yield str(file.relative_to(folder))

"""Notices changed source files, for `api-base serve --reload`."""

from collections.abc import Iterator, Sequence
from pathlib import Path


class Sources:
    """The Python files under `folders`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._seen = dict(self._files())

    def changed(self) -> bool:
        """Whether one was written, added or removed since the last call."""
        before, self._seen = self._seen, dict(self._files())
        return before != self._seen

    def _files(self) -> Iterator[tuple[Path, int]]:
        for folder in self._folders:
            for path in folder.rglob("*.py"):
                try:
                    yield path, path.stat().st_mtime_ns
                except FileNotFoundError:  # an editor is replacing it
                    continue

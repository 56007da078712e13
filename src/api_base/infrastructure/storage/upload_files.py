"""What is being written: the content of a `put` as a file, the parts of a multipart upload as files in a directory.

Their names are random. Both describe the key that they are for, so `unfinished` finds what a killed process left.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import Final

from api_base.core.errors import NotFound, ObjectChanged
from api_base.core.protocols import Part, Unfinished
from api_base.infrastructure.storage.object_files import (
    Description,
    create,
    described,
    flush_directory,
    make_directory,
    opened,
    write,
)

BLOCK: Final = 1_048_576
"""Bytes that are read or written at a time."""
_UPLOAD: Final = re.compile(r"[0-9a-f]{32}")
_REMOVALS: Final = 10
"""A part that was on its way when the directory was renamed arrives in it, at most one for each of its writers."""
_ABOUT: Final = "upload"
"""The file in the directory of a multipart upload that describes it."""


class UploadFiles:
    """The uploads in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def new(self) -> Path:
        """Return a path that nothing has."""
        return self._directory / token_hex(16)

    def create(self, path: Path, description: Description) -> FileIO:
        """Create the file for a content."""
        if path.parent == self._directory:
            make_directory(self._directory)
        return create(path, description)

    def begin(self, upload: str, description: Description) -> None:
        """Begin a multipart upload with the id `upload`."""
        directory = self._directory / upload
        make_directory(directory)
        with create(directory / _ABOUT, description) as file:
            os.fsync(file.fileno())
        flush_directory(directory)

    def directory_of(self, key: str, upload: str) -> Path:
        """Return the directory of a multipart upload. Raises `NotFound`."""
        if _UPLOAD.fullmatch(upload) and (about := described(self._directory / upload / _ABOUT)) is not None and about.key == key:
            return self._directory / upload
        raise NotFound("upload", upload)

    def about(self, directory: Path) -> Description:
        """Return what describes an upload. Raises `NotFound`."""
        about = described(directory / _ABOUT)
        if about is None:
            raise NotFound("upload", directory.name)
        return about

    def join(self, file: FileIO, directory: Path, key: str, part: Part) -> None:
        """Write a part of an upload to `file`. Raises `ObjectChanged` if the part is missing or was replaced."""
        found = opened(directory / str(part.number))
        if found is None:
            raise ObjectChanged(key)
        with found.file:
            if (found.description.etag, found.size) != (part.etag, part.size):
                raise ObjectChanged(key)
            while block := found.file.read(BLOCK):
                write(file, block)

    def abort(self, key: str, upload: str) -> None:
        """Remove an upload of the key and its parts, if it is unfinished."""
        if not _UPLOAD.fullmatch(upload) or key not in [one.key for one in self._at(upload)]:
            return
        path = self._directory / upload
        if path.is_dir():
            removed = self.new()
            with suppress(FileNotFoundError):  # removed by another process
                path.rename(removed)  # no part is added while the directory is emptied
            for _ in range(_REMOVALS):
                shutil.rmtree(removed, ignore_errors=True)
                if not removed.exists():
                    break
        else:
            path.unlink(missing_ok=True)

    def unfinished(self) -> Sequence[Unfinished]:
        """Return what is being written, or was left. The key is empty if the writer was killed before it had written it."""
        try:
            return [found for name in os.listdir(self._directory) for found in self._at(name)]
        except FileNotFoundError:
            return []

    def _at(self, name: str) -> Iterator[Unfinished]:
        path = self._directory / name
        with suppress(FileNotFoundError):
            about = described(path / _ABOUT if path.is_dir() else path)
            begun_at = path.stat().st_mtime if about is None else about.begun_at
            yield Unfinished(key="" if about is None else about.key, upload=name, started_at=datetime.fromtimestamp(begun_at, UTC))

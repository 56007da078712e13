"""Files that hold one content each: a line of JSON that describes it, then its bytes. What only the file system guarantees is here.

A content is written to a temporary file, flushed to the disk, and then renamed: under a key there is a whole content, or none, whenever the
process or the machine stops. Every change of a key is made under a lock of the operating system, which ends with the process that holds it: a
condition holds between processes, too. The storage is for the processes of one machine, on a file system with hard links.

The path of an object is its key, whose grammar allows no path outside the directory (`core.protocols.storage`), and `=`, which no key contains:
the names of objects and of directories never collide.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import Final

from api_base.core.errors import ObjectChanged, Unavailable

SUFFIX: Final = "="
MAX_LINE: Final = 8192
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL
_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The first line of a file. `begun_at` is in seconds since the epoch."""

    key: str
    etag: str
    content_type: str
    begun_at: float

    def line(self) -> bytes:
        return json.dumps([self.key, self.etag, self.content_type, self.begun_at]).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open file, at the beginning of its content. `size` is that of the content, `begin` where it begins, both in bytes."""

    file: FileIO
    description: Description
    begin: int
    size: int
    modified_at: float


def create(path: Path, description: Description) -> FileIO:
    """Create a file for a content, which the caller writes after its description."""
    file = FileIO(os.open(path, _NEW, 0o600), "r+")
    write(file, description.line())
    return file


def write(file: FileIO, content: bytes | bytearray) -> None:
    """Write all bytes."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def opened(path: Path) -> OpenFile | None:
    """Open a file; None if there is none, or its writer was killed before it had described the content."""
    try:
        file = FileIO(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        key, etag, content_type, begun_at = json.loads(file.read(MAX_LINE).partition(b"\n")[0])
        return of_file(file, Description(key=key, etag=etag, content_type=content_type, begun_at=begun_at))
    except ValueError:
        file.close()
        return None
    except BaseException:
        file.close()
        raise


def of_file(file: FileIO, description: Description) -> OpenFile:
    """Return an open file, of which the description is known, at the beginning of its content."""
    begin, status = file.seek(len(description.line())), os.fstat(file.fileno())
    return OpenFile(file, description, begin, status.st_size - begin, status.st_mtime)


def described(path: Path) -> Description | None:
    """Return the description of a file, as `opened`."""
    found = opened(path)
    if found is None:
        return None
    found.file.close()
    return found.description


def flush_directory(directory: Path) -> None:
    """Make the names in a directory outlast the machine."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Create a directory and its parents, for this user only."""
    if not directory.is_dir():
        make_directory(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        with suppress(FileNotFoundError):  # removed in between, because it was empty
            flush_directory(directory.parent)


class ObjectFiles:
    """The objects below `root`, by their keys, and their locks."""

    def __init__(self, root: Path, locks: Path) -> None:
        self._root, self._locks = root, locks

    def path(self, key: str) -> Path:
        """Return where the object is."""
        return self._root / f"{key}{SUFFIX}"

    def publish(self, temporary: Path, key: str, *, if_absent: bool = False, if_match: str | None = None) -> None:
        """Make a written file the object. Raises `ObjectChanged` if the present object does not meet the condition."""
        target = self.path(key)
        with self._locked(key):
            if if_absent or if_match is not None:
                present = described(target)
                if (if_absent and present is not None) or (if_match is not None and (present is None or present.etag != if_match)):
                    raise ObjectChanged(key)
            self._rename(temporary, target)
            temporary.unlink(missing_ok=True)  # POSIX does not rename a file to another name of the same file
            flush_directory(target.parent)

    def remove(self, key: str) -> None:
        """Remove an object, and the directories that are empty then."""
        target = self.path(key)
        with self._locked(key):
            try:
                target.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            with suppress(FileNotFoundError):  # removed in between, because it was empty
                flush_directory(target.parent)
        with suppress(OSError):  # not empty, or removed in between
            for directory in target.parents:
                if directory == self._root:
                    break
                directory.rmdir()

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with `prefix`."""
        directory, slash, _ = prefix.rpartition("/")
        for key in self._below(self._root / directory, directory + slash):
            if key.startswith(prefix):
                yield key

    def _below(self, directory: Path, prefix: str) -> Iterator[str]:
        try:
            entries = [(entry.name, entry.is_dir()) for entry in os.scandir(directory)]
        except (FileNotFoundError, NotADirectoryError):
            return
        for name, is_directory in entries:
            if is_directory:
                yield from self._below(directory / name, f"{prefix}{name}/")
            elif name.endswith(SUFFIX):
                yield prefix + name.removesuffix(SUFFIX)

    def _rename(self, temporary: Path, target: Path) -> None:
        for _ in range(_ATTEMPTS):
            make_directory(target.parent)
            with suppress(FileNotFoundError):  # the directory was removed in between, because it was empty
                temporary.rename(target)
                return
            if not temporary.exists():
                break
        raise Unavailable("The object was not stored.", reason=f"{temporary} was removed while it was written")

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        make_directory(self._locks)
        name = blake2b(key.encode(), digest_size=1).hexdigest()
        descriptor = os.open(self._locks / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

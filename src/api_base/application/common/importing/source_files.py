"""Files of the tenant that are imported: stored ones, read as often as needed."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import BinaryIO, Final, Protocol
from uuid import UUID

from api_base.application.common.importing.records import FileFormat
from api_base.core.errors import Invalid

FORMATS: Final[Mapping[str, FileFormat]] = {
    "text/csv": FileFormat.CSV,
    "application/json": FileFormat.JSON,
    "application/x-ndjson": FileFormat.JSONL,
}


class SourceFile(Protocol):
    """The bytes of a stored file."""

    @property
    def size(self) -> int:
        """The number of bytes."""
        ...

    @property
    def media_type(self) -> str:
        """What the file is, such as `text/csv`."""
        ...

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` to before `end`. Raises `NotFound` once the file is deleted, `Unavailable`."""
        ...


class SourceFiles(Protocol):
    """The files of the tenant."""

    async def open(self, id: UUID) -> SourceFile:
        """Raises `NotFound`, `Forbidden` for a caller who may not read files, and a `Conflict` for a file that cannot be read yet."""
        ...


type Readable = Callable[[SourceFile], BinaryIO]
"""Opens a file for a thread, which reads it piece by piece. It is opened and closed on the event loop; closed, it ends a thread that reads."""


def format_of(file: SourceFile, chosen: FileFormat | None) -> FileFormat:
    """Return `chosen`, or the format that the media type of the file means. Raises `Invalid`."""
    found = chosen or FORMATS.get(file.media_type)
    if found is None:
        message = f"is required, because the file is {file.media_type}: write {', '.join(format.value for format in FileFormat)}"
        raise Invalid.of("/format", "missing", message)
    return found

"""Opens a file as records: CSV [RFC 4180], JSON [RFC 8259] or JSON Lines."""

from collections.abc import Buffer
from io import SEEK_SET, BufferedReader, BytesIO, RawIOBase
from typing import BinaryIO, Final, cast

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.records import FileFormat, RecordSource, UnreadableFile
from api_base.infrastructure.importing.csv_source import CsvSource
from api_base.infrastructure.importing.json_source import JsonArraySource, JsonLinesSource
from api_base.infrastructure.importing.text import encoding_of

BEGINNING: Final = 1_048_576
READ_AT_MOST: Final = 16_777_216
"""Bytes of a file that a request reads. A row has up to 4 MiB."""


def open_source(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """Implements `OpenSource`."""
    return _opened(file, format, dialect, encoding_of(file, dialect.encoding))


def open_beginning(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """The same with an encoding that only the first `BEGINNING` bytes decide on, up to a line break, and rows of the first `READ_AT_MOST` bytes.

    Raises `UnreadableFile` for JSON that has no row there.
    """
    file.seek(0)
    beginning = file.read(BEGINNING)
    if len(beginning) == BEGINNING:
        beginning = beginning[: beginning.rfind(b"\n") + 1] or beginning
    first = cast("BinaryIO", BufferedReader(_Beginning(file, format)))
    return _opened(first, format, dialect, encoding_of(BytesIO(beginning), dialect.encoding))


def _opened(file: BinaryIO, format: FileFormat, dialect: Dialect, encoding: str) -> RecordSource:
    match format:
        case FileFormat.CSV:
            return CsvSource(file, dialect, encoding)
        case FileFormat.JSON:
            return JsonArraySource(file, dialect, encoding)
        case FileFormat.JSONL:
            return JsonLinesSource(file, dialect, encoding)


class _Beginning(RawIOBase):
    """The first `READ_AT_MOST` bytes of a file, without closing it."""

    def __init__(self, file: BinaryIO, format: FileFormat) -> None:
        self._file, self._format = file, format

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Buffer) -> int:
        room = max(0, READ_AT_MOST - self._file.tell())
        if not room and self._format is FileFormat.JSON:
            raise UnreadableFile(
                f"The first {READ_AT_MOST:,} bytes have no whole row: put the array of objects first, and name it by items."
            )
        wanted = memoryview(buffer)
        piece = self._file.read(min(len(wanted), room))
        wanted[: len(piece)] = piece
        return len(piece)

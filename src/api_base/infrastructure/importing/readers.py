"""Opens a file as records: CSV [RFC 4180], JSON [RFC 8259] or JSON Lines."""

from io import BytesIO
from typing import BinaryIO, Final

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.records import FileFormat, RecordSource
from api_base.infrastructure.importing.csv_source import CsvSource
from api_base.infrastructure.importing.json_source import JsonArraySource, JsonLinesSource
from api_base.infrastructure.importing.text import encoding_of

BEGINNING: Final = 1_048_576


def open_source(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """Implements `OpenSource`."""
    return _opened(file, format, dialect, encoding_of(file, dialect.encoding))


def open_beginning(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """The same with an encoding that only the first `BEGINNING` bytes decide on, up to a line break."""
    file.seek(0)
    beginning = file.read(BEGINNING)
    if len(beginning) == BEGINNING:
        beginning = beginning[: beginning.rfind(b"\n") + 1] or beginning
    return _opened(file, format, dialect, encoding_of(BytesIO(beginning), dialect.encoding))


def _opened(file: BinaryIO, format: FileFormat, dialect: Dialect, encoding: str) -> RecordSource:
    match format:
        case FileFormat.CSV:
            return CsvSource(file, dialect, encoding)
        case FileFormat.JSON:
            return JsonArraySource(file, dialect, encoding)
        case FileFormat.JSONL:
            return JsonLinesSource(file, dialect, encoding)

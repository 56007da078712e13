"""Opens a file as records: CSV [RFC 4180], JSON [RFC 8259] or JSON Lines."""

from typing import BinaryIO

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.records import FileFormat, RecordSource
from api_base.infrastructure.importing.csv_source import CsvSource
from api_base.infrastructure.importing.json_source import JsonArraySource, JsonLinesSource
from api_base.infrastructure.importing.text import encoding_of


def open_source(file: BinaryIO, format: FileFormat, dialect: Dialect) -> RecordSource:
    """Implements `OpenSource`."""
    encoding = encoding_of(file, dialect.encoding)
    match format:
        case FileFormat.CSV:
            return CsvSource(file, dialect, encoding)
        case FileFormat.JSON:
            return JsonArraySource(file, dialect, encoding)
        case FileFormat.JSONL:
            return JsonLinesSource(file, dialect, encoding)

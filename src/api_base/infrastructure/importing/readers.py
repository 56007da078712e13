"""Records of CSV [RFC 4180], JSON [RFC 8259] and JSON Lines files, one by one, whatever the size of the file.

The files are opened with `surrogateescape`, so that an error names the place of a byte that is not UTF-8, and not its block.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Final, TextIO

from api_base.application.common.importing.records import FileFormat, Record, UnreadableFile
from api_base.core.errors.json_syntax import json_reason

MAX_FIELD_LENGTH: Final = 1 << 20
MAX_RECORD_LENGTH: Final = 1 << 20
"""Characters of a CSV field, and of a JSON object: the limit bounds the memory."""
_PIECE: Final = 1 << 16
_DECODER: Final = json.JSONDecoder()
ADDED_COLUMNS: Final = ("_row", "_reason")
"""Columns that only a file of refused rows has; they are skipped."""


def records(file: TextIO, format: FileFormat) -> tuple[list[str] | None, Iterator[Record]]:
    """Implements `RecordReader`."""
    if format is FileFormat.CSV:
        return csv_records(file)
    return None, json_lines_records(file) if format is FileFormat.JSONL else json_records(file)


def csv_records(file: TextIO) -> tuple[list[str], Iterator[Record]]:
    """The columns and the records. Raises `UnreadableFile`."""
    csv.field_size_limit(MAX_FIELD_LENGTH)
    reader = csv.DictReader(_lines(file), strict=True)
    columns = list(_message(lambda: reader.fieldnames or (), reader))
    if not columns:
        raise UnreadableFile("The file is empty: its first line must name the columns.")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise UnreadableFile(f"The first line names {', '.join(twice)} more than once.")
    return [column for column in columns if column not in ADDED_COLUMNS], _csv(reader)


def _csv(reader: "csv.DictReader[str]") -> Iterator[Record]:
    while True:
        try:
            record = _message(lambda: next(reader), reader)
        except StopIteration:
            return
        named = len(reader.fieldnames or ())
        found = named + len(record.get(None) or ()) - sum(value is None for value in record.values())
        if found != named:
            raise UnreadableFile(f"Line {reader.line_num} has {found} fields where the first line names {named}.")
        yield {name: value for name, value in record.items() if name not in ADDED_COLUMNS}


def _message[T](read: Callable[[], T], reader: "csv.DictReader[str]") -> T:
    try:
        return read()
    except csv.Error as error:
        raise UnreadableFile(f"Line {reader.line_num + 1} cannot be read: {_csv_reason(str(error))}.") from None


_CSV_REASONS: Final[Mapping[str, str]] = {
    "field larger than field limit": f"a field has more than {MAX_FIELD_LENGTH} characters",
    "line contains NUL": "it contains the character NUL",
    "new-line character seen in unquoted field": "a field with a line break has no quotes around it",
    "unexpected end of data": "a quote is not closed",
}
"""Our words by a part of the parser's, which never leave the process."""


def _csv_reason(parser_message: str) -> str:
    if "expected after" in parser_message:
        return "text follows a closing quote"
    return next((words for part, words in _CSV_REASONS.items() if part in parser_message), "it is not CSV")


def _lines(file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        _check(line, f"Line {number}")
        yield line


def json_lines_records(file: TextIO) -> Iterator[Record]:
    """One object a line; blank lines are skipped."""
    for number in count(1):
        line = file.readline(MAX_RECORD_LENGTH)
        if not line:
            return
        if len(line) == MAX_RECORD_LENGTH:
            raise UnreadableFile(f"Line {number} is longer than {MAX_RECORD_LENGTH} characters.")
        _check(line, f"Line {number}")
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UnreadableFile(f"Line {number} is not JSON: {_why(error)}.") from None
            yield _object(record, f"Line {number}")


def json_records(file: TextIO) -> Iterator[Record]:
    """The objects of one array, read piece by piece."""
    buffer = _next(file, "")
    _check(buffer[:1], "The beginning")
    if not buffer.startswith("["):
        raise UnreadableFile("The file must be one JSON array of objects.")
    buffer, number = _next(file, buffer[1:]), 0
    while number or not buffer.startswith("]"):
        number += 1
        record, buffer = _element(file, buffer, f"Element {number}")
        yield record
        buffer = _next(file, buffer)
        if buffer.startswith("]"):
            break
        _check(buffer[:1], f"The text after element {number}")
        if not buffer.startswith(","):
            raise UnreadableFile(f"Element {number} must be followed by a comma or the end of the array.")
        buffer = _next(file, buffer[1:])
    if _next(file, buffer[1:]):
        raise UnreadableFile("The array is followed by more text. The file must be one JSON array of objects.")


def _next(file: TextIO, buffer: str) -> str:
    """The text from the first character that is not white space; empty at the end of the file."""
    while not (buffer := buffer.lstrip()) and (piece := file.read(_PIECE)):
        buffer = piece
    return buffer


def _element(file: TextIO, buffer: str, where: str) -> tuple[Record, str]:
    """The object at the start of `buffer`, completed from the file, and the text read after it."""
    while True:
        try:
            record, end = _DECODER.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            _check(buffer, where)
            if len(buffer) > MAX_RECORD_LENGTH:
                raise UnreadableFile(f"{where} is not JSON, or longer than {MAX_RECORD_LENGTH} characters.") from None
            piece = file.read(_PIECE)
            if not piece:
                raise UnreadableFile(f"{where} is not JSON: {_why(error)}.") from None
            buffer += piece
        else:
            _check(buffer[:end], where)
            return _object(record, where), buffer[end:]


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{json_reason(error.msg)} at character {error.pos + 1}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"


def _check(text: str, where: str) -> None:
    """Raises `UnreadableFile` if `text` holds a byte that was not UTF-8."""
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        raise UnreadableFile(f"{where} is not UTF-8: it has the byte 0x{byte:02x}.") from None


def _object(record: Any, where: str) -> Record:
    if not isinstance(record, dict):
        raise UnreadableFile(f"{where} is not a JSON object.")
    return {name: value for name, value in record.items() if name not in ADDED_COLUMNS}

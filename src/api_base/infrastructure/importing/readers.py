"""Records of CSV [RFC 4180], JSON [RFC 8259] and JSON Lines files, one after the other, whatever the size of the file.

The files are opened with `surrogateescape`, so that a byte that is no UTF-8 is met in its place, and not when its block is read.
"""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, TextIO

from api_base.application.items.importing import Form, Record
from api_base.application.items.importing.records import UnreadableFile

MAX_FIELD_LENGTH: Final = 1 << 20
MAX_RECORD_LENGTH: Final = 1 << 20
"""Characters of a CSV field, and of a JSON object: what is longer is no item, and memory must not follow it."""
_PIECE: Final = 1 << 16
_DECODER: Final = json.JSONDecoder()
NOTES: Final = ("_row", "_reason")
"""Columns of a file of refused rows, which are not read back."""


def records(file: TextIO, form: Form) -> tuple[list[str] | None, Iterator[Record]]:
    """Implements `RecordReader`."""
    if form is Form.CSV:
        return csv_records(file)
    return None, json_lines_records(file) if form is Form.JSONL else json_records(file)


def csv_records(file: TextIO) -> tuple[list[str], Iterator[Record]]:
    """The columns and the records. Raises `UnreadableFile`."""
    csv.field_size_limit(MAX_FIELD_LENGTH)
    reader = csv.DictReader(_lines(file), strict=True)
    columns = list(_told(lambda: reader.fieldnames or (), reader))
    if not columns:
        raise UnreadableFile("The file is empty: its first line must name the columns.")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise UnreadableFile(f"The first line names {', '.join(twice)} more than once.")
    return [column for column in columns if column not in NOTES], _csv(reader)


def _csv(reader: "csv.DictReader[str]") -> Iterator[Record]:
    while True:
        try:
            record = _told(lambda: next(reader), reader)
        except StopIteration:
            return
        named = len(reader.fieldnames or ())
        found = named + len(record.get(None) or ()) - sum(value is None for value in record.values())
        if found != named:
            raise UnreadableFile(f"Line {reader.line_num} has {found} fields where the first line names {named}.")
        yield {name: value for name, value in record.items() if name not in NOTES}


def _told[T](read: Callable[[], T], reader: "csv.DictReader[str]") -> T:
    try:
        return read()
    except csv.Error as error:
        raise UnreadableFile(f"Line {reader.line_num + 1} cannot be read: {error}.") from None


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
                raise UnreadableFile(f"Line {number} is no JSON: {_why(error)}.") from None
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
        _check(buffer[:1], f"What follows element {number}")
        if not buffer.startswith(","):
            raise UnreadableFile(f"Element {number} is followed by neither a comma nor the end of the array.")
        buffer = _next(file, buffer[1:])
    if _next(file, buffer[1:]):
        raise UnreadableFile("Something follows the end of the array; the file must be one JSON array of objects.")


def _next(file: TextIO, buffer: str) -> str:
    """From the first character on that is no white space; empty at the end of the file."""
    while not (buffer := buffer.lstrip()) and (piece := file.read(_PIECE)):
        buffer = piece
    return buffer


def _element(file: TextIO, buffer: str, where: str) -> tuple[Record, str]:
    """The object that `buffer` begins with, as much more of the file as it takes, and what follows it of what was read."""
    while True:
        try:
            record, end = _DECODER.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            _check(buffer, where)
            if len(buffer) > MAX_RECORD_LENGTH:
                raise UnreadableFile(f"{where} is no JSON, or longer than {MAX_RECORD_LENGTH} characters.") from None
            piece = file.read(_PIECE)
            if not piece:
                raise UnreadableFile(f"{where} is no JSON: {_why(error)}.") from None
            buffer += piece
        else:
            _check(buffer[:end], where)
            return _object(record, where), buffer[end:]


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, at its character {error.pos + 1}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "it has a number of too many digits"


def _check(text: str, where: str) -> None:
    """Raises `UnreadableFile` where `text` holds a byte that was no UTF-8."""
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        raise UnreadableFile(f"{where} is not UTF-8: it has the byte 0x{byte:02x}.") from None


def _object(record: Any, where: str) -> Record:
    if not isinstance(record, dict):
        raise UnreadableFile(f"{where} is no JSON object.")
    return {name: value for name, value in record.items() if name not in NOTES}

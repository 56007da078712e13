"""Records of CSV [RFC 4180], JSON [RFC 8259] and JSON Lines files, one after the other, whatever the size of the file."""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, TextIO

from api_base.application.items.importing.records import Form, Record, UnreadableFile

LONGEST_FIELD: Final = 1 << 20
LONGEST_RECORD: Final = 1 << 20
"""Characters of a CSV field, and of a JSON object: what is longer is no item, and memory must not follow it."""
_PIECE: Final = 1 << 16
NOTES: Final = ("_row", "_reason")
"""Columns of a file of refused rows, which are not read back."""
_BEFORE: Final = "Everything before it was imported."


def records(file: TextIO, form: Form) -> tuple[list[str] | None, Iterator[Record]]:
    """Implements `RecordReader`."""
    if form is Form.CSV:
        return csv_records(file)
    return None, json_lines_records(file) if form is Form.JSONL else json_records(file)


def csv_records(file: TextIO) -> tuple[list[str], Iterator[Record]]:
    """The columns and the records. Raises `UnreadableFile`."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.DictReader(file, strict=True)
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
            raise UnreadableFile(f"Line {reader.line_num} has {found} fields where the first line names {named}. {_BEFORE}")
        yield {name: value for name, value in record.items() if name not in NOTES}


def _told[T](read: Callable[[], T], reader: "csv.DictReader[str]") -> T:
    try:
        return read()
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableFile(f"Line {reader.line_num + 1} cannot be read: {error}. {_BEFORE}") from None


def json_lines_records(file: TextIO) -> Iterator[Record]:
    """One object a line; blank lines are skipped."""
    for number in count(1):
        line = _read(lambda: file.readline(LONGEST_RECORD), f"Line {number}")
        if not line:
            return
        if len(line) == LONGEST_RECORD:
            raise UnreadableFile(f"Line {number} is longer than {LONGEST_RECORD} characters. {_BEFORE}")
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UnreadableFile(f"Line {number} is no JSON: {error}. {_BEFORE}") from None
            yield _object(record, f"Line {number}")


def json_records(file: TextIO) -> Iterator[Record]:
    """The objects of one array, read piece by piece."""
    decoder, number = json.JSONDecoder(), 1
    buffer = _read(lambda: file.read(_PIECE), "Element 1").lstrip()
    if not buffer.startswith("["):
        raise UnreadableFile("The file must be one JSON array of objects.")
    buffer = buffer[1:]
    while True:
        buffer = buffer.lstrip().removeprefix(",").lstrip()
        if buffer.startswith("]"):
            return
        where = f"Element {number}"
        try:
            record, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            if len(buffer) > LONGEST_RECORD:
                raise UnreadableFile(f"{where} is no JSON, or longer than {LONGEST_RECORD} characters. {_BEFORE}") from None
            piece = _read(lambda: file.read(_PIECE), where)
            if not piece:
                raise UnreadableFile(f"{where} is no JSON: {error}. {_BEFORE}") from None
            buffer += piece
            continue
        buffer, number = buffer[end:], number + 1
        yield _object(record, where)


def _read(read: Callable[[], str], where: str) -> str:
    try:
        return read()
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{where} or what follows is not UTF-8: {error}. {_BEFORE}") from None


def _object(record: Any, where: str) -> Record:
    if not isinstance(record, dict):
        raise UnreadableFile(f"{where} is no JSON object. {_BEFORE}")
    return {name: value for name, value in record.items() if name not in NOTES}

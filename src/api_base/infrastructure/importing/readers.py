"""Records of CSV [RFC 4180], JSON [RFC 8259] and JSON Lines files, one after the other, whatever the size of the file."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TextIO

from api_base.core.errors import ApiBaseError

type Record = Mapping[str, Any]

LONGEST_FIELD: Final = 1 << 20
_PIECE: Final = 1 << 16
NOTES: Final = ("_row", "_reason")
"""Columns of a file of refused rows, which are not read back."""


class UnreadableFile(ApiBaseError):
    """The file is not what its format says: names the line."""


def csv_records(file: TextIO) -> tuple[list[str], Iterator[Record]]:
    """The columns and the records. Raises `UnreadableFile`."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.DictReader(file, strict=True)
    columns = list(_told(lambda: reader.fieldnames or (), reader))
    if not columns:
        raise UnreadableFile("The file is empty: its first line must name the columns.")
    return [column for column in columns if column not in NOTES], _csv(reader)


def _csv(reader: "csv.DictReader[str]") -> Iterator[Record]:
    while True:
        try:
            record = _told(lambda: next(reader), reader)
        except StopIteration:
            return
        yield {name: value for name, value in record.items() if name is not None and name not in NOTES}


def _told[T](read: Callable[[], T], reader: "csv.DictReader[str]") -> T:
    try:
        return read()
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableFile(f"Line {reader.line_num + 1} cannot be read: {error}. Everything before it was imported.") from None


def json_lines_records(file: TextIO) -> Iterator[Record]:
    """One object a line; blank lines are skipped."""
    for number, line in enumerate(_lines(file), 1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UnreadableFile(f"Line {number} is no JSON: {error}. Everything before it was imported.") from None
            yield _object(record, f"Line {number}")


def json_records(file: TextIO) -> Iterator[Record]:
    """The objects of one array, read piece by piece."""
    decoder, buffer, number = json.JSONDecoder(), file.read(_PIECE).lstrip(), 0
    if not buffer.startswith("["):
        raise UnreadableFile("The file must be one JSON array of objects.")
    buffer = buffer[1:]
    while True:
        buffer = buffer.lstrip().removeprefix(",").lstrip()
        if buffer.startswith("]"):
            return
        try:
            record, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            piece = file.read(_PIECE)
            if not piece or len(buffer) > LONGEST_FIELD * 8:
                raise UnreadableFile(f"Element {number + 1} is no JSON: {error}. Everything before it was imported.") from None
            buffer += piece
            continue
        number += 1
        buffer = buffer[end:]
        yield _object(record, f"Element {number}")


def _lines(file: TextIO) -> Iterator[str]:
    read = 0
    try:
        for line in file:
            read += 1
            yield line
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"After line {read} the file is not UTF-8: {error}. Everything before it was imported.") from None


def _object(record: Any, where: str) -> Record:
    if not isinstance(record, dict):
        raise UnreadableFile(f"{where} is no JSON object.")
    return {name: value for name, value in record.items() if name not in NOTES}

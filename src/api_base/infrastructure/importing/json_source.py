"""Rows of JSON [RFC 8259] and JSON Lines files: one object each, of at most 32 levels, with different names [RFC 7493].

The extent of an element of an array is found by its brackets and strings, so that an element that is not valid is refused alone.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, Final

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.records import ADDED_COLUMNS, SourceRow, UnreadableFile
from api_base.core.errors.json_syntax import json_reason
from api_base.core.shared.json_depth import MAX_DEPTH, too_deep
from api_base.core.shared.strict_json import strict_json
from api_base.infrastructure.importing import text
from api_base.infrastructure.importing.json_scanner import MAX_VALUE_LENGTH, JsonScanner

_ARRAY_OF_OBJECTS: Final = re.compile(r"\[[ \t\r\n]*+[{\]]")
SHOWN_LENGTH: Final = 1000
"""Characters that are kept of a value that is too long."""
_SHOWN_NAME_LENGTH: Final = 100


class JsonLinesSource:
    """Implements `RecordSource`: one object per line; blank lines are skipped."""

    columns = None

    def __init__(self, file: BinaryIO, dialect: Dialect, encoding: str) -> None:
        self.dialect = replace(dialect, encoding=encoding, decimal=dialect.decimal or ".", items="")
        self._file, self._encoding = text.opened(file, encoding), encoding

    def rows(self) -> Iterator[SourceRow]:
        number = 0
        while line := self._file.readline(MAX_VALUE_LENGTH + 1):
            rest = line
            while len(rest) > MAX_VALUE_LENGTH and not rest.endswith(("\n", "\r")):
                rest = self._file.readline(MAX_VALUE_LENGTH + 1)
            if line.strip():
                number += 1
                yield _row(number, line, self._encoding)


class JsonArraySource:
    """Implements `RecordSource`: one array of objects, which may be a member of an object."""

    columns = None

    def __init__(self, file: BinaryIO, dialect: Dialect, encoding: str) -> None:
        items = dialect.items
        if items is None:
            items = _detected_items(JsonScanner(text.opened(file, encoding)))
        self.dialect = replace(dialect, encoding=encoding, decimal=dialect.decimal or ".", items=items)
        self._scanner, self._encoding = JsonScanner(text.opened(file, encoding)), encoding
        self._path = items.split(".") if items else []

    def rows(self) -> Iterator[SourceRow]:
        """Raises `UnreadableFile` if there is no such array, or if it does not end."""
        scanner = self._scanner
        for name in self._path:
            if not scanner.enter(name):
                raise UnreadableFile(f"The file has no member {name!r}, which items names.")
        for number, value in enumerate(scanner.elements(), 1):
            yield _row(number, value, self._encoding)
        if not self._path and scanner.peek():
            raise UnreadableFile("The array is followed by more text. The file must be one JSON array of objects.")


def _detected_items(scanner: JsonScanner) -> str:
    """The name of the only array of objects in an object; empty if the file is an array. Raises `UnreadableFile`."""
    if scanner.peek() != "{":
        return ""
    arrays = [name for name, value in scanner.members() if _ARRAY_OF_OBJECTS.match(value)]
    if len(arrays) == 1:
        return arrays[0]
    several = f" It has several: {', '.join(name[:_SHOWN_NAME_LENGTH] for name in arrays[:20])}." if arrays else ""
    raise UnreadableFile(f"The file must be one JSON array of objects, or an object with one such array; else name it by items.{several}")


def _row(number: int, value: str, encoding: str) -> SourceRow:
    found, reason = _parsed(value, encoding)
    original = number
    if isinstance(found, dict):
        noted = found.get(ADDED_COLUMNS[0])
        original = noted if type(noted) is int else number
        record = {name: one for name, one in found.items() if name not in ADDED_COLUMNS}
        return SourceRow(number=number, original=original, record=record, content=record, size=len(value))
    shown = value if len(value) <= MAX_VALUE_LENGTH else value[:SHOWN_LENGTH]
    fault = reason or "is not a JSON object"
    return SourceRow(number=number, original=original, record={}, content=shown.strip(), size=len(value), fault=fault)


def _parsed(value: str, encoding: str) -> tuple[object, str | None]:
    """The value, or the reason why it is refused."""
    if len(value) > MAX_VALUE_LENGTH:
        return None, f"has more than {MAX_VALUE_LENGTH} characters"
    if reason := text.fault(value, encoding):
        return None, reason
    raw = value.encode()
    if too_deep(raw):
        return None, f"is nested more than {MAX_DEPTH} levels deep"
    try:
        return strict_json(raw), None
    except ValueError as error:
        return None, f"is not JSON: {json_reason(str(error))}"

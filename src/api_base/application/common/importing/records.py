"""Records of a file, whatever its format."""

import io
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, Protocol, TextIO

from api_base.core.errors import RuleViolated

type Record = Mapping[str, object]


class FileFormat(StrEnum):
    """CSV [RFC 4180], one JSON array of objects [RFC 8259], or one JSON object per line."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


ENCODING: Final = "utf-8-sig"
DECODING_ERRORS: Final = "surrogateescape"
"""How files are opened: the reader finds bytes that are not UTF-8 and reports where they are."""


class UnreadableFile(RuleViolated):
    """The file does not match its format. The message names the line."""


def as_text(content: io.BytesIO) -> io.TextIOWrapper:
    """`content` as `RecordReader` expects it: UTF-8, with or without a byte order mark."""
    return io.TextIOWrapper(content, encoding=ENCODING, errors=DECODING_ERRORS, newline="")


class RecordReader(Protocol):
    """Reads a file that was opened with `ENCODING` and `DECODING_ERRORS`."""

    def __call__(self, file: TextIO, format: FileFormat, /) -> tuple[list[str] | None, Iterator[Record]]:
        """The columns, if the format names them, and an iterator over the records. Both raise `UnreadableFile`."""
        ...

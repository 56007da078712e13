"""Records of a file, whatever its form."""

import io
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, Protocol, TextIO

from api_base.core.errors import RuleViolated

type Record = Mapping[str, object]


class Form(StrEnum):
    """CSV [RFC 4180], one JSON array of objects [RFC 8259], or a JSON object in each line."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


ENCODING: Final = "utf-8-sig"
DECODING: Final = "surrogateescape"
"""How files are opened to be read: what is not UTF-8 is found by the reader, where it stands."""


class UnreadableFile(RuleViolated):
    """The file is not what its format says: names the line."""


def as_text(content: io.BytesIO) -> io.TextIOWrapper:
    """As `RecordReader` takes it: UTF-8, with or without a mark at its beginning."""
    return io.TextIOWrapper(content, encoding=ENCODING, errors=DECODING, newline="")


class RecordReader(Protocol):
    def __call__(self, file: TextIO, form: Form, /) -> tuple[list[str] | None, Iterator[Record]]:
        """The columns, where the form names them, and the records one after the other. Both raise `UnreadableFile`."""
        ...

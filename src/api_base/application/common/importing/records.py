"""Records of a file, whatever its format and dialect."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final, Protocol

from api_base.application.common.importing.dialect import Dialect
from api_base.core.errors import RuleViolated

type Record = Mapping[str, object]

ADDED_COLUMNS: Final = ("_row", "_reason", "_text")
"""Columns that only files of ours have: the number of the row, in exports too, and of refused rows the reason, and the text that cannot be read."""


class FileFormat(StrEnum):
    """CSV [RFC 4180], one JSON array of objects [RFC 8259], or one JSON object per line."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


class UnreadableFile(RuleViolated):
    """The file does not match its format. The message names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A row of a file. `fault` is the reason why it cannot be read; then `record` is empty.

    `number` counts the rows of the file from 1, `original` is the number in the file from which a file of refused rows was made.
    `content` is what the file has: the fields of a CSV row, an object, or text that cannot be read. `size` is its length in characters.
    """

    number: int
    original: int
    record: Record
    content: Sequence[str] | Record | str
    size: int
    fault: str | None = None


class RecordSource(Protocol):
    """A file that is read from its beginning, once. Memory does not grow with the file."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of the file, completed by what was detected."""
        ...

    @property
    def columns(self) -> Sequence[str] | None:
        """The columns in their order, if the format names them."""
        ...

    def rows(self) -> Iterator[SourceRow]:
        """Raises `UnreadableFile` where the rest of the file cannot be read."""
        ...


type OpenSource = Callable[[BinaryIO, FileFormat, Dialect], RecordSource]
"""Reads a file from its beginning and detects what the dialect leaves open. Raises `UnreadableFile` for a bad beginning."""

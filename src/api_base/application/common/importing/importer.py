"""Imports rows chunk by chunk, so that memory does not grow with the file.

Refused rows are written aside with the reason. An interrupted import continues after the last row in its journal. Rows are read and checked
in a thread, so that a long chunk does not keep other tasks waiting.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import SourceRow, UnreadableFile
from api_base.application.common.importing.report import Outcome, RefusedRow, Report, reason_of
from api_base.application.common.importing.threads import in_reading_thread
from api_base.core.errors import ApiBaseError, Conflict, Invalid
from api_base.core.types import Err, Result

CHUNK_ROWS: Final = 1000
CHUNK_CHARACTERS: Final = 1 << 20
"""A chunk ends with the row that exceeds either limit."""
ATTEMPTS: Final = 5

type Outcomes = Sequence[Result[Outcome, ApiBaseError]]


class Journal(Protocol):
    """The progress of one import in this process."""

    done: int
    """The last row that is done; 0 at first."""
    report: Report
    """The counts so far, including those before an interruption."""

    def first_row_of(self, key: str, row: int, /) -> int:
        """The first row with this key: `row` itself unless an earlier row has it."""
        ...


class RefusedRows(Protocol):
    """Receives the refused rows of a chunk, once their chunk is saved."""

    def write(self, rows: Iterator[tuple[SourceRow, str]]) -> None:
        """Keep refused rows with the reasons, in ascending order."""
        ...


@dataclass(slots=True, kw_only=True)
class Chunk[T]:
    """The valid `rows` up to row number `until`, with their numbers, and those that were `refused` already."""

    until: int
    rows: list[tuple[int, T]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)


type Send[T] = Callable[[Chunk[T]], Awaitable[Outcomes]]
"""Saves the rows of a chunk with the progress, and returns an outcome for each row."""


class Importer[T]:
    """`send` None is a dry run: it checks everything except what only the database knows."""

    def __init__(self, send: Send[T] | None, mapping: ColumnMapping[T], journal: Journal, refused: RefusedRows) -> None:
        self._send, self._mapping, self._journal, self._refused = send, mapping, journal, refused
        self.report = journal.report
        self._unreadable: UnreadableFile | None = None

    async def run(self, rows: Iterator[SourceRow]) -> Report:
        """Import all rows that are not done. Raises `UnreadableFile` (after the rows before it), `Unavailable`, `Forbidden`."""
        while source := await in_reading_thread(self._next, rows):
            await self._import(source)
            self._journal.done = source[-1].number
        done = self.report
        if self._unreadable is None:
            return done
        if not done.rows:
            raise self._unreadable
        raise UnreadableFile(
            f"{self._unreadable} Of the {done.rows} rows before that, {done.created} were created, {done.updated} updated, "
            f"{done.unchanged} unchanged and {done.refused} refused."
        ) from None

    def _next(self, rows: Iterator[SourceRow]) -> list[SourceRow]:
        """The rows of the next chunk. Once the file is unreadable, there is none."""
        found: list[SourceRow] = []
        size = 0
        try:
            while self._unreadable is None and len(found) < CHUNK_ROWS and size < CHUNK_CHARACTERS:
                row = next(rows)
                if row.number > self._journal.done:
                    found.append(row)
                    size += row.size
        except StopIteration:
            pass
        except UnreadableFile as error:
            self._unreadable = error
        return found

    async def _import(self, source: Sequence[SourceRow]) -> None:
        chunk = await in_reading_thread(self._checked, source)
        refused = {one.row: one.reason for one in chunk.refused}
        if self._send is None:
            self.report.created += len(chunk.rows)
        else:
            for (number, _), outcome in zip(chunk.rows, await self._sent(self._send, chunk), strict=True):
                if isinstance(outcome, Err):
                    refused[number] = reason_of(outcome.error)
                else:
                    self.report.count(outcome.value)
        self.report.refused += len(refused)
        if refused:
            self._refused.write((row, refused[row.number]) for row in source if row.number in refused)

    def _checked(self, source: Sequence[SourceRow]) -> Chunk[T]:
        chunk = Chunk[T](until=source[-1].number)
        for row in source:
            self._check(chunk, row)
        return chunk

    def _check(self, chunk: Chunk[T], source: SourceRow) -> None:
        """Add a row to the chunk, or refuse it."""
        schema, number = self._mapping.schema, source.number
        reason = source.fault
        if reason is None:
            try:
                row = self._mapping.row(source.record, source.original)
            except Invalid as error:
                reason = reason_of(error)
            else:
                key = schema.key_of(row)
                first = self._journal.first_row_of(key, number)
                if first == number:
                    chunk.rows.append((number, row))
                    return
                reason = f"{schema.key} must be unique in the file: {key!r} is in row {first} already"
        chunk.refused.append(RefusedRow(row=number, reason=reason))

    async def _sent(self, send: Send[T], chunk: Chunk[T]) -> Outcomes:
        for _ in range(ATTEMPTS - 1):
            try:
                return await send(chunk)
            except Conflict:
                continue  # another transaction wrote one of the rows in the meantime: read them again
        return await send(chunk)

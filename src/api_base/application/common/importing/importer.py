"""Imports records chunk by chunk, so that memory does not grow with the file.

Refused rows are written aside with the reason. An interrupted import continues after the last row in its journal.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from api_base.application.common.importing.mapping import ColumnMapping
from api_base.application.common.importing.records import Record, UnreadableFile
from api_base.application.common.importing.report import Outcome, RefusedRow, Report
from api_base.core.errors import ApiBaseError, Conflict, Invalid
from api_base.core.types import Err, Result

CHUNK_ROWS: Final = 1000
ATTEMPTS: Final = 5

type NumberedRecord = tuple[int, Record]
type Outcomes = Sequence[Result[Outcome, ApiBaseError]]


class Journal(Protocol):
    """The progress of one import."""

    done: int
    """The last row that is done; 0 at first."""
    report: Report
    """The counts so far, including those of an interrupted import up to its last `commit`."""

    def first_row_of(self, key: str, row: int) -> int:
        """The first row with this key: `row` itself unless an earlier row has it."""
        ...

    def commit(self, row: int) -> None:
        """Mark all rows up to `row` as done and counted in `report`."""
        ...


class RefusedRows(Protocol):
    """Receives the refused rows in ascending order within a chunk."""

    def write(self, row: int, record: Record, reason: str) -> None:
        """Keep a refused record with its row number and the reason."""
        ...


@dataclass(slots=True, kw_only=True)
class Chunk[T]:
    """The valid `rows` up to row number `until`, with their numbers, and those that were `refused` already."""

    until: int
    rows: list[tuple[int, T]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)


type Send[T] = Callable[[Chunk[T]], Awaitable[Outcomes]]
"""Saves the rows of a chunk and returns an outcome for each."""


class Importer[T]:
    """`send` None is a dry run: it checks everything except what only the database knows."""

    def __init__(self, send: Send[T] | None, mapping: ColumnMapping[T], journal: Journal, refused: RefusedRows) -> None:
        self._send, self._mapping, self._journal, self._refused = send, mapping, journal, refused
        self.report = journal.report

    async def run(self, records: Iterator[NumberedRecord]) -> Report:
        """Import all records that are not done. Raises `UnreadableFile` (after the rows before it), `Unavailable`, `Forbidden`."""
        remaining = (one for one in records if one[0] > self._journal.done)
        unreadable: UnreadableFile | None = None
        while unreadable is None:
            chunk: list[NumberedRecord] = []
            try:
                chunk.extend(islice(remaining, CHUNK_ROWS))
            except UnreadableFile as error:
                unreadable = error
            if chunk:
                await self._import(chunk)
                self._journal.commit(chunk[-1][0])
            elif unreadable is None:
                return self.report
        done = self.report
        if not done.rows:
            raise unreadable
        raise UnreadableFile(
            f"{unreadable} Of the {done.rows} rows before that, {done.created} were created, {done.updated} updated, "
            f"{done.unchanged} unchanged and {done.refused} refused."
        ) from None

    async def _import(self, records: Sequence[NumberedRecord]) -> None:
        chunk, by_number = Chunk[T](until=records[-1][0]), dict(records)
        for number, record in records:
            self._map(chunk, number, record)
        refused = {one.row: one.reason for one in chunk.refused}
        if self._send is None:
            self.report.created += len(chunk.rows)
        else:
            for (number, _), outcome in zip(chunk.rows, await self._sent(self._send, chunk), strict=True):
                if isinstance(outcome, Err):
                    refused[number] = str(outcome.error)
                else:
                    self.report.count(outcome.value)
        self.report.refused += len(refused)
        for number in sorted(refused):
            self._refused.write(number, by_number[number], refused[number])

    def _map(self, chunk: Chunk[T], number: int, record: Record) -> None:
        """Add the row of `record` to the chunk, or refuse it."""
        schema = self._mapping.schema
        try:
            row = self._mapping.row(record)
        except Invalid as error:
            reason = "; ".join(f"{v.pointer.strip('/').replace('/', '.')} {v.message}" for v in error.violations)
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

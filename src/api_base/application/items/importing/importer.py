"""Imports records chunk by chunk, so that memory does not grow with the file: refused rows go aside with their reason, a killed
import continues where its journal ends, and importing the same again changes nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol

from api_base.application.common.cqrs import Bus
from api_base.application.items.commands.import_items import Imported, ImportItems
from api_base.application.items.importing.mapping import ItemMapping
from api_base.application.items.importing.records import Record, UnreadableFile
from api_base.application.items.importing.report import Report
from api_base.application.items.importing.uploads import RefusedRow
from api_base.core.errors import ApiBaseError, Invalid, StaleVersion
from api_base.core.types import Err, Result
from api_base.domain.items.entities import ItemDetails
from api_base.domain.items.errors import SkuTaken

CHUNK: Final = 1000
ATTEMPTS: Final = 5

type Row = tuple[int, Record]
type Outcomes = Sequence[Result[Imported, ApiBaseError]]


class Journal(Protocol):
    """What this import has seen and done, beside the file and not in memory."""

    @property
    def done(self) -> int:
        """The last row that is done with, 0 at first."""
        ...

    @property
    def report(self) -> Report:
        """What became of the rows so far; those of an interrupted import, up to its last `commit`, included."""
        ...

    def first_row_of(self, sku: str, row: int) -> int:
        """The row where this sku stood first: `row` itself if it is that."""
        ...

    def commit(self, row: int) -> None:
        """Everything up to `row` is done, and counted in `report`."""
        ...


class RefusedRows(Protocol):
    def write(self, row: int, record: Mapping[str, Any], reason: str) -> None: ...


@dataclass(slots=True, kw_only=True)
class Chunk:
    """Rows up to `until` that go together: those fit to be sent, with their numbers, and those that were refused before."""

    until: int
    rows: list[tuple[int, ItemDetails]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)


type Send = Callable[[Chunk], Awaitable[Outcomes]]
"""Brings a chunk into the catalogue; an outcome for each of its `rows`."""


def bus_sender(bus: Bus) -> Send:
    """One command for each chunk, and nothing else."""

    async def send(chunk: Chunk) -> Outcomes:
        return await bus.execute(ImportItems(rows=[details for _, details in chunk.rows]))

    return send


class Importer:
    """`send` None is a dry run: everything is checked but what only the database knows."""

    def __init__(self, send: Send | None, mapping: ItemMapping, journal: Journal, refused: RefusedRows) -> None:
        self._send, self._mapping, self._journal, self._refused = send, mapping, journal, refused
        self.report = journal.report

    async def run(self, rows: Iterator[Row]) -> Report:
        """Import all rows that are not done. Raises what stops an import: `UnreadableFile` (after all before that), `Unavailable`, `Forbidden`."""
        remaining = (row for row in rows if row[0] > self._journal.done)
        unreadable: UnreadableFile | None = None
        while unreadable is None:
            chunk: list[Row] = []
            try:
                chunk.extend(islice(remaining, CHUNK))
            except UnreadableFile as error:
                unreadable = error
            if chunk:
                await self._chunk(chunk)
                self._journal.commit(chunk[-1][0])
            elif unreadable is None:
                return self.report
        done = self.report
        if not done.rows:
            raise unreadable
        raise UnreadableFile(
            f"{unreadable} Of the {done.rows} rows before that {done.created} were created, {done.updated} updated, "
            f"{done.unchanged} were there already and {done.refused} were refused."
        ) from None

    async def _chunk(self, rows: Sequence[Row]) -> None:
        chunk = Chunk(until=rows[-1][0])
        records = dict(rows)
        for number, record in rows:
            self._sort(chunk, number, record)
        if self._send is None:
            self.report.created += len(chunk.rows)
            return
        for (number, _), outcome in zip(chunk.rows, await self._sent(self._send, chunk), strict=True):
            if isinstance(outcome, Err):
                self._refuse(number, records[number], str(outcome.error))
            else:
                self._count(outcome.value)

    def _sort(self, chunk: Chunk, number: int, record: Record) -> None:
        """Into what is sent and what is refused as it stands."""
        try:
            details = self._mapping.details(record)
        except Invalid as error:
            reason = "; ".join(f"{v.pointer.strip('/').replace('/', '.')} {v.message}" for v in error.violations)
        else:
            first = self._journal.first_row_of(details.sku, number)
            if first == number:
                chunk.rows.append((number, details))
                return
            reason = f"sku {details.sku!r} stands in row {first} already"
        self._refuse(number, record, reason)
        chunk.refused.append(RefusedRow(row=number, reason=reason))

    async def _sent(self, send: Send, chunk: Chunk) -> Outcomes:
        for _ in range(ATTEMPTS - 1):
            try:
                return await send(chunk)
            except (SkuTaken, StaleVersion):
                continue  # somebody else wrote one of these meanwhile: read again
        return await send(chunk)

    def _count(self, imported: Imported) -> None:
        if imported is Imported.CREATED:
            self.report.created += 1
        elif imported is Imported.UPDATED:
            self.report.updated += 1
        else:
            self.report.unchanged += 1

    def _refuse(self, number: int, record: Record, reason: str) -> None:
        self._refused.write(number, record, reason)
        self.report.refused += 1

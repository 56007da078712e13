"""Imports records chunk by chunk, so that memory does not grow with the file: refused rows go aside with their reason, a killed
import continues where its journal ends, and importing the same again changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final, Protocol

from api_base.application.common.cqrs import Bus
from api_base.application.items.commands.import_items import Imported, ImportItems
from api_base.application.items.importing.mapping import ItemMapping
from api_base.core.errors import Invalid, StaleVersion
from api_base.core.types import Err
from api_base.domain.items.entities import ItemDetails
from api_base.domain.items.errors import SkuTaken

CHUNK: Final = 1000
ATTEMPTS: Final = 5

type Row = tuple[int, Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Report:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        return self.created + self.updated + self.unchanged + self.refused


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


class Importer:
    """`bus` None is a dry run: everything is checked but what only the database knows."""

    def __init__(self, bus: Bus | None, mapping: ItemMapping, journal: Journal, refused: RefusedRows) -> None:
        self._bus, self._mapping, self._journal, self._refused = bus, mapping, journal, refused
        self.report = journal.report

    async def run(self, rows: Iterator[Row]) -> Report:
        """Import all rows that are not done. Raises what stops an import: `Unavailable`, `Forbidden`."""
        remaining = (row for row in rows if row[0] > self._journal.done)
        for chunk in batched(remaining, CHUNK):
            await self._chunk(chunk)
            self._journal.commit(chunk[-1][0])
        return self.report

    async def _chunk(self, chunk: tuple[Row, ...]) -> None:
        good: list[tuple[int, Mapping[str, Any], ItemDetails]] = []
        for number, record in chunk:
            try:
                details = self._mapping.details(record)
            except Invalid as error:
                self._refuse(number, record, "; ".join(f"{v.pointer.strip('/').replace('/', '.')} {v.message}" for v in error.violations))
                continue
            first = self._journal.first_row_of(details.sku, number)
            if first != number:
                self._refuse(number, record, f"sku {details.sku!r} stands in row {first} already")
            else:
                good.append((number, record, details))
        if self._bus is None or not good:
            self.report.created += len(good)
            return
        for (number, record, _), result in zip(good, await self._send(self._bus, good), strict=True):
            if isinstance(result, Err):
                self._refuse(number, record, str(result.error))
            else:
                self._count(result.value)

    async def _send(self, bus: Bus, good: list[tuple[int, Mapping[str, Any], ItemDetails]]) -> Any:
        command = ImportItems(rows=[details for _, _, details in good])
        for _ in range(ATTEMPTS - 1):
            try:
                return await bus.execute(command)
            except (SkuTaken, StaleVersion):
                continue  # somebody else wrote one of these meanwhile: read again
        return await bus.execute(command)

    def _count(self, imported: Imported) -> None:
        if imported is Imported.CREATED:
            self.report.created += 1
        elif imported is Imported.UPDATED:
            self.report.updated += 1
        else:
            self.report.unchanged += 1

    def _refuse(self, number: int, record: Mapping[str, Any], reason: str) -> None:
        self._refused.write(number, record, reason)
        self.report.refused += 1

"""The result of an import: how many rows were created, updated, unchanged and refused."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

from api_base.core.errors import ApiBaseError, Invalid


class Outcome(StrEnum):
    """The result of a row that was not refused."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """`row` is counted from 1, without the line that names the columns."""

    row: int
    reason: str


def reason_of(error: ApiBaseError) -> str:
    """Return why a row is refused: what is wrong with each of its columns, or what the error says."""
    if isinstance(error, Invalid):
        return "; ".join(f"{one.pointer.strip('/').replace('/', '.')} {one.message}".strip() for one in error.violations)
    return str(error)


@dataclass(slots=True, kw_only=True)
class Report:
    """Counts of the rows so far."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        """The number of rows, refused ones included."""
        return self.created + self.updated + self.unchanged + self.refused

    def count(self, outcome: Outcome) -> None:
        """Count a row."""
        match outcome:
            case Outcome.CREATED:
                self.created += 1
            case Outcome.UPDATED:
                self.updated += 1
            case Outcome.UNCHANGED:
                self.unchanged += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResultDTO:
    """The counts of an import. `refused_rows` are the first refused rows, with their number and the reason."""

    rows: int
    created: int
    updated: int
    unchanged: int
    refused: int
    refused_rows: Sequence[RefusedRow]

    @classmethod
    def of(cls, report: Report, refused_rows: Sequence[RefusedRow]) -> Self:
        """The result with the counts of `report`."""
        return cls(rows=report.rows, refused_rows=refused_rows, **asdict(report))

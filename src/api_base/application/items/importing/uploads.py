"""Files that were sent over HTTP to be imported: kept until their job has ended, with the journal of it beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from api_base.application.items.importing.records import Form

MAX_REFUSED_ROWS: Final = 1000
"""Refused rows that are kept with their reasons; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """`row` counts from 1, without the line that names the columns."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """`maps` and `constants` as `ItemMapping.parse` takes them. `content` is None once all of it is done.

    The journal: everything up to row `done` is, with these `counts` and these `refused_rows`, the first ones.
    """

    id: UUID
    form: Form
    maps: Sequence[str]
    constants: Sequence[str]
    content: bytes | None
    done: int = 0
    counts: Counts = Counts()
    refused_rows: Sequence[RefusedRow] = ()


class Uploads(Protocol):
    """Those of the tenant of the request in hand."""

    async def add(self, upload: Upload) -> None:
        """Keep a new one with the open unit of work. Raises `NoTransaction` outside one."""
        ...

    async def get(self, id: UUID) -> Upload | None:
        """The upload with all of its content; None where the tenant has none, or it has expired."""
        ...

    async def note(self, id: UUID, done: int, counts: Counts, refused_rows: Sequence[RefusedRow], *, complete: bool) -> None:
        """Add to the journal, with the open unit of work; the content of what is `complete` is deleted. Raises `NoTransaction` outside one."""
        ...

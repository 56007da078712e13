"""A trail as JSON Lines that verifies without the database: keys, anchors and heads first, then the records and seals of each batch."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

import msgspec

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.audit.chain import Record, Seal, SignedHead
from api_base.infrastructure.audit.trail import Batch
from api_base.infrastructure.serialization.json_codec import decode_as, encode_strictly


class Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A line of an export. Exactly one field is set."""

    key: dict[str, str] | None = None
    anchor: SignedHead | None = None
    head: SignedHead | None = None
    record: Record | None = None
    seal: Seal | None = None


async def lines(
    keys: Iterable[Mapping[str, str]], anchors: Iterable[SignedHead], heads: Iterable[SignedHead], batches: AsyncIterator[Batch]
) -> AsyncIterator[bytes]:
    """The lines of an export, without line breaks."""
    for beginning in (
        *(Line(key=dict(key)) for key in keys),
        *(Line(anchor=anchor) for anchor in anchors),
        *(Line(head=head) for head in heads),
    ):
        yield encode_strictly(beginning)
    async for batch in batches:
        for record in batch.records:
            yield encode_strictly(Line(record=record))
        for seal in batch.seals:
            yield encode_strictly(Line(seal=seal))


class ExportFile:
    """Reads an export once: the lines before the first record immediately, the batches on demand."""

    def __init__(self, source: Iterable[bytes], name: str) -> None:
        """Raises `ConfigurationError` for a file that is not an export."""
        self._lines = _read(source, name)
        self.keys: list[dict[str, str]] = []
        self.anchors: list[SignedHead] = []
        self.heads: list[SignedHead] = []
        self._first: Line | None = None
        for line in self._lines:
            if line.record or line.seal:
                self._first = line
                break
            self._beginning(line)

    def _beginning(self, line: Line) -> None:
        if line.key:
            self.keys.append(line.key)
        if line.anchor:
            self.anchors.append(line.anchor)
        if line.head:
            self.heads.append(line.head)

    def batches(self) -> Iterator[Batch]:
        """The batches in order. Records after the last seal form a batch without seals."""
        batch = Batch()
        for line in self._rest():
            if line.record:
                if batch.seals:
                    yield batch
                    batch = Batch()
                batch.records.append(line.record)
            elif line.seal:
                if batch.seals and batch.position != line.seal.position:
                    yield batch
                    batch = Batch()
                batch.seals.append(line.seal)
        if batch.seals or batch.records:
            yield batch

    def _rest(self) -> Iterator[Line]:
        if self._first is not None:
            yield self._first
            yield from self._lines


def _read(source: Iterable[bytes], name: str) -> Iterator[Line]:
    for number, text in enumerate(source, 1):
        try:
            yield decode_as(text, Line)
        except ValueError:
            raise ConfigurationError(f"{name}, line {number}: is not a line of an exported audit trail.") from None

"""A stored file that a thread reads: what a request reads of it has an end, and nobody reads it for a cancelled import."""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest

from api_base.application.common.importing.dialect import Dialect
from api_base.application.common.importing.prepared import PreparedFile
from api_base.application.common.importing.records import FileFormat, UnreadableFile
from api_base.application.items.commands.import_items import ITEM_SCHEMA
from api_base.infrastructure.importing import readers
from api_base.infrastructure.importing.stored_file import RANGE_BYTES, readable

MIB = 1_048_576
LIMIT = 2 * MIB
CSV = b"sku,name,category,price\nA,n,c,1.5\n"
MAPS = ("sku=sku", "name=name", "category=category")


class Stored:
    """Implements `SourceFile`: `beginning`, followed by `filler` up to `size` bytes. `until` is what has been read."""

    media_type = "text/csv"

    def __init__(self, size: int, beginning: bytes = b"", filler: bytes = b"\n") -> None:
        self.size, self._beginning, self._filler, self.until = size, beginning, filler, 0

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        self.until = max(self.until, end)
        piece = self._beginning[start:end]
        yield piece + self._filler * (end - start - len(piece))


async def prepared(file: Stored, format: FileFormat, dialect: Dialect, maps: tuple[str, ...] = MAPS) -> None:
    with readable(file) as opened:
        await asyncio.to_thread(PreparedFile.prepare, ITEM_SCHEMA, maps, (), readers.open_beginning, opened, format, dialect)


async def test_a_file_is_read_as_it_is() -> None:
    with readable(Stored(10, b"0123456789")) as opened:
        assert await asyncio.to_thread(opened.read) == b"0123456789"
        assert await asyncio.to_thread(lambda: (opened.seek(3), opened.read(4))) == (3, b"3456")


async def test_a_thread_that_reads_ends_once_the_file_is_closed() -> None:
    file = Stored(10**12)
    opened = readable(file)
    work = asyncio.to_thread(lambda: [None for _ in iter(lambda: opened.read(RANGE_BYTES), b"")])
    reading = asyncio.gather(work, return_exceptions=True)
    while file.until < 4 * RANGE_BYTES:
        await asyncio.sleep(0)
    opened.close()
    (ended,) = await reading
    assert isinstance(ended, ValueError)


@pytest.mark.parametrize(
    ("file", "format"),
    [
        (Stored(10**12, CSV), FileFormat.CSV),
        (Stored(10**12, CSV, b"x"), FileFormat.CSV),
        (Stored(10**12, CSV, b'"'), FileFormat.CSV),
        (Stored(10**12), FileFormat.JSONL),
        (Stored(10**12, filler=b"x"), FileFormat.JSONL),
    ],
    ids=["blank lines", "a line without an end", "quotes", "blank lines of JSON", "a line of JSON without an end"],
)
async def test_a_request_reads_the_beginning_only(file: Stored, format: FileFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "READ_AT_MOST", LIMIT)
    await prepared(file, format, Dialect())
    assert file.until <= LIMIT + RANGE_BYTES


@pytest.mark.parametrize("items", [None, "rows"])
async def test_json_without_a_row_at_its_beginning_is_refused(items: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "READ_AT_MOST", LIMIT)
    file = Stored(10**12, b'{"text": "', b"x")
    with pytest.raises(UnreadableFile, match="name it by items"):
        await prepared(file, FileFormat.JSON, Dialect(items=items))
    assert file.until <= LIMIT + RANGE_BYTES


def test_what_is_in_the_beginning_is_found() -> None:
    film = b'{"rows": [{"sku": "A"}]}'
    source = readers.open_beginning(io.BytesIO(film), FileFormat.JSON, Dialect())
    assert [row.record for row in source.rows()] == [{"sku": "A"}]

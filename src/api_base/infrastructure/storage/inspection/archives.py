"""Archives: what they unpack to, before anybody unpacks them. Every entry is decompressed and counted, whatever its header declares.

Bounds against the bombs of [Fifield, "A better zip bomb", WOOT 2019]: entries, bytes in all, their ratio to the size of the archive, overlapping
entries, and archives in archives.
"""

import io
import re
import stat
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PureWindowsPath
from typing import BinaryIO, Final, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from api_base.core.errors.content import ContentRefused
from api_base.infrastructure.storage.inspection import Content
from api_base.infrastructure.storage.inspection.media_types import GZIP, ZIP

MAX_ENTRIES: Final = 10_000
MAX_DIRECTORY: Final = 4_194_304
"""Bytes of the list of entries."""
MAX_RATIO: Final = 100
"""Text compresses to a tenth, logs and tables to a fiftieth."""
FREE: Final = 10_485_760
"""Unpacked bytes that an archive may have at any ratio."""
MAX_UNPACKED: Final = 4_294_967_296
"""Except for archives that hardly compress: they may unpack to twice their size."""
MAX_DEPTH: Final = 3
"""Such as a table in a document in an archive."""
MAX_INNER: Final = 67_108_864
"""Bytes of an archive in an archive, which is unpacked in memory."""
_PIECE: Final = 262_144
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_ENTRY: Final = b"PK\x01\x02"
_ENTRY_HEADER: Final = 30
_COMMENT: Final = 65_535

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_PARTS: Final = {
    "word/document.xml": f"{_OFFICE}wordprocessingml.document",
    "xl/workbook.xml": f"{_OFFICE}spreadsheetml.sheet",
    "ppt/presentation.xml": f"{_OFFICE}presentationml.presentation",
}
_MACROS: Final = re.compile(r"(?:.*/)?vbaProject\.bin", re.IGNORECASE)
MACROS: Final = "application/vnd.ms-office.macroenabled"
"""An Office document with macros, which has several registered types."""


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked, of the archive and of all archives in it."""

    size: int
    bytes: int = 0
    entries: int = 0

    def count(self, unpacked: int) -> None:
        self.bytes += unpacked
        if self.bytes > max(FREE, min(MAX_RATIO * self.size, max(MAX_UNPACKED, 2 * self.size))):
            raise ContentRefused(
                "decompression_bomb",
                f"The archive has {self.size:,} bytes and unpacks to more than {self.bytes - 1:,}: at most {MAX_RATIO} times its size and "
                f"{MAX_UNPACKED:,} bytes are accepted.",
            )

    def add_entries(self, number: int) -> None:
        self.entries += number
        if self.entries > MAX_ENTRIES:
            raise ContentRefused("too_many_entries", f"The archive has more than {MAX_ENTRIES:,} entries.")


def archive_type(content: Content, media_type: str) -> str:
    """Unpack an archive, a ZIP or a GZIP, without storing anything, and return its more exact type.

    Raises `ContentRefused`; `BadZipFile`, `zlib.error` or `EOFError` for a malformed archive.
    """
    budget = _Budget(len(content))
    if media_type == GZIP:
        _gunzip(content, budget)
        return GZIP
    return _unzip(content, budget, depth=1)


def directory_at(tail: bytes) -> int | None:
    """Return where the end of a ZIP's list of entries begins in the last bytes of a file; None if they are not those of a ZIP."""
    at = len(tail)
    while (at := tail.rfind(_END, 0, at)) >= 0:
        if len(tail) - at >= _END_SIZE:
            (size,) = struct.unpack_from("<I", tail, at + 12)
            if tail[at + 4 : at + 8] == bytes(4) or (size <= at and tail[at - size :].startswith(_ENTRY)):  # on one disk, as all are
                return at
    return None


def _unzip(content: Content, budget: _Budget, depth: int) -> str:
    tail = content[-(_END_SIZE + _COMMENT) :]
    end = directory_at(tail)
    if end is None:
        raise BadZipFile("no directory")
    comment = int.from_bytes(tail[end + 20 : end + 22], "little")
    if end + _END_SIZE + comment != len(tail):
        raise ContentRefused("trailing_data", "Data follows the end of the archive.")
    entries, size = struct.unpack_from("<HI", tail, end + 10)
    if size > MAX_DIRECTORY and size != 0xFFFFFFFF:
        raise ContentRefused(
            "too_many_entries", f"The archive's list of entries has {size:,} bytes; at most {MAX_DIRECTORY:,} are accepted."
        )
    budget.add_entries(entries if entries != 0xFFFF else MAX_ENTRIES + 1)
    file = io.BytesIO(content) if isinstance(content, bytes) else cast("BinaryIO", content)
    with ZipFile(file) as archive:
        infos = archive.infolist()
        budget.add_entries(max(0, len(infos) - entries))
        for info in infos:
            _check_entry(info)
        _check_offsets(infos)
        for info in infos:
            _unpack(archive, info, budget, depth)
        return _zip_type(archive, {info.filename for info in infos})


def _check_entry(info: ZipInfo) -> None:
    name = info.orig_filename
    path = PureWindowsPath(name)  # knows both separators, and drives
    if path.drive or path.root or ".." in path.parts or "\0" in name:
        raise ContentRefused("archive_path", "The archive has an entry whose path leads outside the folder that it is unpacked into.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ContentRefused("archive_path", "The archive has an entry that is a symbolic link.")
    if info.flag_bits & 0x1:
        raise ContentRefused("encrypted", "The archive is encrypted, so its content cannot be inspected.")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ContentRefused("compression_method", "The archive uses another compression than Deflate, so its content cannot be inspected.")


def _check_offsets(infos: Sequence[ZipInfo]) -> None:
    ordered = sorted(infos, key=lambda info: info.header_offset)
    if ordered and ordered[0].header_offset != 0:
        raise ContentRefused("polyglot", "Other data precedes the archive.")
    for info, following in pairwise(ordered):
        if info.header_offset + _ENTRY_HEADER + info.compress_size > following.header_offset:
            raise ContentRefused("decompression_bomb", "Entries of the archive overlap, so that it unpacks to much more than it contains.")


def _unpack(archive: ZipFile, info: ZipInfo, budget: _Budget, depth: int) -> None:
    with archive.open(info) as entry:
        piece = entry.read(_PIECE)
        inner = io.BytesIO() if piece.startswith((b"PK\x03\x04", b"\x1f\x8b")) else None
        while piece:
            budget.count(len(piece))
            if inner is not None:
                inner.write(piece)
                if depth == MAX_DEPTH or inner.tell() > MAX_INNER:
                    reason = f"Archives must contain archives of at most {MAX_INNER:,} bytes, and have at most {MAX_DEPTH} levels."
                    raise ContentRefused("nested_archives", reason)
            piece = entry.read(_PIECE)
    if inner is not None:
        found = inner.getvalue()
        _gunzip(found, budget) if found.startswith(b"\x1f") else _unzip(found, budget, depth + 1)


def _gunzip(content: Content, budget: _Budget) -> None:
    at = 0
    while at < len(content):  # a file may have several members
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            piece = member.unconsumed_tail or content[at : at + _PIECE]
            if not piece:
                raise EOFError
            if not member.unconsumed_tail:
                at += len(piece)
            budget.count(len(member.decompress(piece, _PIECE)))
        at -= len(member.unused_data)


def _zip_type(archive: ZipFile, names: set[str]) -> str:
    if any(_MACROS.fullmatch(name) for name in names):
        return MACROS
    if "[Content_Types].xml" in names:
        return next((media_type for part, media_type in _PARTS.items() if part in names), ZIP)
    if "mimetype" in names and archive.getinfo("mimetype").file_size <= 100:  # OpenDocument, EPUB
        stated = archive.read("mimetype").decode("ascii", "replace").strip()
        return stated if stated.startswith(("application/vnd.oasis.opendocument.", "application/epub+zip")) else ZIP
    return "application/java-archive" if "META-INF/MANIFEST.MF" in names else ZIP


UNPACKED: Final[frozenset[str]] = frozenset({ZIP, GZIP})

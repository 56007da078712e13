"""The text of a file: its encoding is detected where that is safe, and bytes that it cannot have are found where they stand.

A wrong byte is the fault of its row, and not of its block.
"""

import codecs
import io
import re
from contextlib import suppress
from typing import BinaryIO, Final, TextIO

_PIECE: Final = 1 << 18
_BYTE_ORDER_MARKS: Final = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CODECS: Final = {"utf-8": ("utf-8-sig", "surrogateescape"), "utf-16": ("utf-16", "replace"), "windows-1252": ("cp1252", "surrogateescape")}
_NAMES: Final = {"utf-8": "UTF-8", "windows-1252": "Windows-1252"}
_MULTIBYTE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""Characters of UTF-8 outside ASCII. Text in Windows-1252 hardly ever has one."""
_NOT_WINDOWS_1252: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x81\x8d\x8f\x90\x9d]")
_UNDECODABLE: Final = re.compile("[\udc80-\udcff]")
_ASCII_IN_UTF_16: Final = re.compile(rb"(?:[\t-\x7e]\0){2}|(?:\0[\t-\x7e]){2}")


def encoding_of(file: BinaryIO, wanted: str | None) -> str:
    """The encoding of a file. A byte order mark decides, then `wanted`, then the bytes of the whole file.

    A file is UTF-16 if it begins with two characters of ASCII in that encoding. It is Windows-1252 if some of its bytes are not UTF-8, none of its characters is UTF-8 outside ASCII, and no byte is undefined there.
    """
    file.seek(0)
    start = file.read(4)
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    if wanted is not None:
        return wanted
    if _ASCII_IN_UTF_16.match(start):
        return "utf-16"
    return "windows-1252" if _is_windows_1252(file) else "utf-8"


def _is_windows_1252(file: BinaryIO) -> bool:
    file.seek(0)
    decoder, valid, last = codecs.getincrementaldecoder("utf-8")(), True, b""
    while piece := file.read(_PIECE):
        if _MULTIBYTE.search(last + piece) or _NOT_WINDOWS_1252.search(piece):
            return False
        valid = valid and _decodes(decoder, piece)
        last = piece[-3:]
    return not (valid and _decodes(decoder, b"", final=True))


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def opened(file: BinaryIO, encoding: str) -> TextIO:
    """The text from the beginning, with its line breaks."""
    file.seek(0)
    start = file.read(2)
    file.seek(0)
    codec, errors = _CODECS[encoding]
    if encoding == "utf-16" and start not in _BYTE_ORDER_MARKS:
        codec = "utf-16-be" if start.startswith(b"\0") else "utf-16-le"
    return _Text(file, encoding=codec, errors=errors, newline="")


class _Text(io.TextIOWrapper):
    """A wrapper closes its file when it is deleted. This one does not: the file is read again."""

    def close(self) -> None:
        with suppress(ValueError):
            self.detach()


def fault(text: str, encoding: str) -> str | None:
    """The reason if `text` holds what the encoding does not have."""
    if text.isascii():
        return None
    if encoding == "utf-16":
        return "is not UTF-16: it has half of a character" if "\ufffd" in text else None
    if (found := _UNDECODABLE.search(text)) is None:
        return None
    return f"is not {_NAMES[encoding]}: it has the byte 0x{ord(found[0]) - 0xDC00:02x}"

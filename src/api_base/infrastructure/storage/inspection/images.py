"""The structure of images, read from their headers: dimensions before anything is decoded, and where the image ends.

Sources: PNG [W3C, third edition], JPEG [ITU T.81, annex B], GIF89a [CompuServe], WebP [RFC 9649].
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from api_base.core.errors.content import ContentRefused
from api_base.infrastructure.storage.inspection import Content

MAX_FRAMES: Final = 1000
ANIMATION: Final = 10
"""The frames of an animation may have so many times the pixels of one image."""
_ENTROPY_END: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""The next marker after compressed data, in which 0xFF is followed by 0 or is a restart."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers SOF: the dimensions of a JPEG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """`frames` are the dimensions of each picture; `end` is the offset of the first byte after the image."""

    width: int
    height: int
    frames: list[tuple[int, int]]
    end: int


def structure(content: Content, media_type: str) -> Structure:
    """Read the structure of an image of a type in `READERS`. Raises `IndexError` or `ValueError` for a malformed or incomplete one."""
    found = READERS[media_type](content)
    if min(found.width, found.height) < 1:
        raise ValueError("no dimensions")
    return found


def check_pixels(found: Structure, max_pixels: int) -> None:
    """Raise `ContentRefused` if the image has more than `max_pixels`, or an animation too many frames or pixels in all."""
    pixels = [width * height for width, height in (*found.frames, (found.width, found.height))]
    if max(pixels) > max_pixels:
        raise ContentRefused(
            "too_many_pixels", f"The image has {max(pixels):,} pixels in one picture; at most {max_pixels:,} are accepted."
        )
    if len(found.frames) > MAX_FRAMES or sum(pixels[:-1]) > ANIMATION * max_pixels:
        raise ContentRefused("too_many_frames", f"The animation has {len(found.frames):,} frames, too many for their size.")


def _png(content: Content) -> Structure:
    at = 8
    frames: list[tuple[int, int]] = []
    width = height = 0
    while True:
        length, kind = _number(content, at, 4, "big"), content[at + 4 : at + 8]
        if at == 8 and (kind, length) != (b"IHDR", 13):
            raise ValueError("no header")
        if at == 8:
            width, height = _number(content, at + 8, 4, "big"), _number(content, at + 12, 4, "big")
        elif kind == b"fcTL" and len(frames) <= MAX_FRAMES:
            frames.append((_number(content, at + 12, 4, "big"), _number(content, at + 16, 4, "big")))
        at += 12 + length
        if at > len(content):
            raise ValueError("cut off")
        if kind == b"IEND":
            return Structure(width=width, height=height, frames=frames, end=at)


def _jpeg(content: Content) -> Structure:
    at = 2
    frames: list[tuple[int, int]] = []
    scanned = False
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker")
        marker = content[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker == 0xD9:
            if not (scanned and frames):
                raise ValueError("no picture")
            return Structure(width=frames[0][0], height=frames[0][1], frames=frames, end=at + 2)
        else:
            length = _number(content, at + 2, 2, "big")
            if length < 2:
                raise ValueError("length")
            if marker in _FRAMES:
                frames.append((_number(content, at + 7, 2, "big"), _number(content, at + 5, 2, "big")))
            at += 2 + length
            if marker == 0xDA:
                scanned = True
                end = _ENTROPY_END.search(content, at)
                if end is None:
                    raise ValueError("cut off")
                at = end.start()


def _gif(content: Content) -> Structure:
    width, height = _number(content, 6, 2, "little"), _number(content, 8, 2, "little")
    at = 13 + _colours(content[10])
    frames: list[tuple[int, int]] = []
    while True:
        block = content[at]
        if block == 0x3B:
            if not frames:
                raise ValueError("no picture")
            return Structure(width=width, height=height, frames=frames, end=at + 1)
        if block == 0x2C:
            if len(frames) <= MAX_FRAMES:
                frames.append((_number(content, at + 5, 2, "little"), _number(content, at + 7, 2, "little")))
            at += 11 + _colours(content[at + 9])
        elif block == 0x21:
            at += 2
        else:
            raise ValueError("block")
        while size := content[at]:
            at += size + 1
        at += 1


def _colours(flags: int) -> int:
    """The bytes of a colour table."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(content: Content) -> Structure:
    end = 8 + _number(content, 4, 4, "little")
    if end > len(content):
        raise ValueError("cut off")
    size = (0, 0)
    frames: list[tuple[int, int]] = []
    for kind, at, length in _chunks(content, 12, end):
        if kind == b"VP8X":
            size = (_number(content, at + 4, 3, "little") + 1, _number(content, at + 7, 3, "little") + 1)
        elif kind == b"ANMF":
            inner = [(part, start) for part, start, _ in _chunks(content, at + 16, at + length) if part in _BITSTREAMS]
            frames += [_bitstream(content, part, start) for part, start in inner[: MAX_FRAMES + 1]]
        elif kind in _BITSTREAMS:
            frames.append(_bitstream(content, kind, at))
            size = size if size != (0, 0) else frames[-1]
    if not frames:
        raise ValueError("no picture")
    return Structure(width=size[0], height=size[1], frames=frames, end=end)


_BITSTREAMS: Final = (b"VP8 ", b"VP8L")


def _bitstream(content: Content, kind: bytes, at: int) -> tuple[int, int]:
    if kind == b"VP8 ":
        return _number(content, at + 6, 2, "little") & 0x3FFF, _number(content, at + 8, 2, "little") & 0x3FFF
    bits = _number(content, at + 1, 4, "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _chunks(content: Content, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a RIFF list: kind, offset of the payload, length of the payload."""
    while at < end:
        length = _number(content, at + 4, 4, "little")
        if at + 8 + length > end:
            raise ValueError("cut off")
        yield content[at : at + 4], at + 8, length
        at += 8 + length + length % 2


def _number(content: Content, at: int, size: int, order: Literal["big", "little"]) -> int:
    piece = content[at : at + size]
    if len(piece) < size:
        raise ValueError("cut off")
    return int.from_bytes(piece, order)


READERS: Final[Mapping[str, Callable[[Content], Structure]]] = {
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
}

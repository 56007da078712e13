"""The decision about one content: what it is, whether that is accepted and what was declared, and whether it is only that."""

import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from zipfile import BadZipFile

from api_base.core.errors.content import ContentRefused
from api_base.core.protocols import InspectedContent
from api_base.infrastructure.storage.inspection import Content
from api_base.infrastructure.storage.inspection.archives import UNPACKED, archive_type
from api_base.infrastructure.storage.inspection.images import READERS, Structure, check_pixels, structure
from api_base.infrastructure.storage.inspection.media_types import HEAD, MARKUP, PDF, SVG, canonical, identify, is_binary, is_text
from api_base.infrastructure.storage.inspection.polyglots import check_binary, check_image

_PIECE: Final = 1_048_576
_PDF_TAIL: Final = 1024
"""The last bytes of a PDF have its end marker [ISO 32000-1, annex H]."""
_BROKEN: Final = (BadZipFile, zlib.error, struct.error, EOFError, ArithmeticError, LookupError, RuntimeError, ValueError)
"""What a reader raises where the content does not have its format, such as `OverflowError` for an offset of 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`allowed` are media types; `declared` is the one that the sender named, "" for none."""

    declared: str
    allowed: Collection[str]
    max_pixels: int


def inspect(content: Content, rules: Rules) -> InspectedContent:
    """Decide about `content`. Raises `ContentRefused`."""
    declared = canonical(rules.declared)
    head = content[:HEAD]
    media_type = identify(head, declared)
    unpacked = media_type in UNPACKED
    try:
        if unpacked:
            media_type = archive_type(content, media_type)
        _check_type(media_type, declared, rules.allowed)
        image = None if unpacked else _check_form(content, media_type, rules.max_pixels)
    except _BROKEN:
        raise ContentRefused("malformed", f"The content begins as {media_type}, but is incomplete or malformed.") from None
    size = len(content)
    if image is None:
        return InspectedContent(media_type=media_type, size=size)
    return InspectedContent(media_type=media_type, size=size, width=image.width, height=image.height)


def _check_type(media_type: str, declared: str, allowed: Collection[str]) -> None:
    if media_type not in allowed:
        if media_type == SVG:
            raise ContentRefused("active_content", "The content is an SVG image, which can carry scripts, so it is not accepted here.")
        raise ContentRefused("type_not_allowed", f"The content is {media_type}, which is not accepted here.")
    if declared not in ("", media_type):
        raise ContentRefused("type_mismatch", f"The content is {media_type}, not {declared} as declared.")


def _check_form(content: Content, media_type: str, max_pixels: int) -> Structure | None:
    if media_type in MARKUP or is_text(media_type):
        _check_text(content)
        return None
    check_binary(content, media_type)
    if media_type == PDF:
        _check_pdf(content)
    if media_type not in READERS:
        return None
    image = structure(content, media_type)
    check_pixels(image, max_pixels)
    if content[image.end :].strip(b"\0"):  # cameras pad with zeros
        raise ContentRefused("trailing_data", f"Data follows the end of the image ({media_type}).")
    check_image(content, media_type)
    return image


def _check_text(content: Content) -> None:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16, in which every byte occurs
        check_binary(content, "text")
    elif any(is_binary(content[at : at + _PIECE]) for at in range(0, len(content), _PIECE)):
        raise ContentRefused("binary_data", "The content begins as text and goes on with binary data.")


def _check_pdf(content: Content) -> None:
    _, marker, rest = content[-_PDF_TAIL:].rpartition(b"%%EOF")
    if not marker:
        raise ValueError("no end")
    if rest.strip(b"\0\t\n\f\r "):
        raise ContentRefused("trailing_data", "Data follows the end of the PDF.")

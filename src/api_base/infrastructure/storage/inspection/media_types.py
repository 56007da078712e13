"""The media type of content, by its bytes. The name of a file is no evidence, and the declared type decides only among texts.

The formats that `inspector.py` checks in detail are recognised here. `puremagic` names the others.
"""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from typing import Final

UNKNOWN: Final = "application/octet-stream"
SVG: Final = "image/svg+xml"
ZIP: Final = "application/zip"
GZIP: Final = "application/gzip"
PDF: Final = "application/pdf"
MARKUP: Final = frozenset({SVG, "text/html", "application/xml"})
HEAD: Final = 4096
"""Bytes from the beginning that decide."""

_ALIASES: Final[Mapping[str, str]] = {
    "application/javascript": "text/javascript",
    "application/jsonl": "application/x-ndjson",
    "application/x-gzip": GZIP,
    "application/x-pdf": PDF,
    "application/x-zip": ZIP,
    "application/x-zip-compressed": ZIP,
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "text/xml": "application/xml",
}
_SIGNATURES: Final[Mapping[bytes, str]] = {
    rb"\x89PNG\r\n\x1a\n": "image/png",
    rb"\xff\xd8\xff": "image/jpeg",
    rb"GIF8[79]a": "image/gif",
    rb"RIFF.{4}WEBP": "image/webp",
    rb"RIFF.{4}WAVE": "audio/wav",
    rb"OggS": "audio/ogg",
    rb"ID3|\xff[\xfb\xf3\xf2]": "audio/mpeg",
    rb".{4}ftyp(?:isom|iso[2-6]|mp4[12]|avc1|M4V |dash)": "video/mp4",
    rb"%PDF-": PDF,
    rb"PK(?:\x03\x04|\x05\x06)": ZIP,
    rb"\x1f\x8b": GZIP,
}
_PATTERNS: Final = [(re.compile(pattern, re.DOTALL), media_type) for pattern, media_type in _SIGNATURES.items()]
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text has in an encoding that extends ASCII [WHATWG MIME Sniffing, binary data byte]."""
_PROLOGUE: Final = r"(?:\s|<\?xml[^>]{0,500}\?>|<!--.{0,3000}?-->)*"
_SVG: Final = re.compile(_PROLOGUE + r"(?:<!DOCTYPE\s+svg|<(?:\w{1,50}:)?svg[\s>/])", re.IGNORECASE | re.DOTALL)
_HTML: Final = re.compile(
    _PROLOGUE
    + r"<(?:!DOCTYPE\s+HTML|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|img|form|meta|object|embed|link)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
"""What browsers take for HTML [WHATWG MIME Sniffing, section 7.1], and more."""
_XML: Final = re.compile(r"\s*<\?xml\s", re.IGNORECASE)
_JSON: Final = re.compile(r'\s*(?:[\[{"]|-?\d|true|false|null)')
_TEXTS: Final = frozenset({"application/json", "application/sql", "application/toml", "application/x-ndjson", "application/yaml"})


def canonical(media_type: str) -> str:
    """Return a media type without parameters, under its registered name; "" for one that says nothing.

    >>> canonical("Image/JPG; q=1")
    'image/jpeg'
    """
    essence = media_type.partition(";")[0].strip().lower()
    return "" if essence == UNKNOWN else _ALIASES.get(essence, essence)


def identify(head: bytes, declared: str) -> str:
    """Return the media type of a file that begins with `head`. `declared`, in its canonical form, decides where the bytes allow several types."""
    for pattern, media_type in _PATTERNS:
        if pattern.match(head):
            return media_type
    if (text := _text_of(head)) is not None:
        return _text_type(text, declared)
    from puremagic import PureError, magic_string  # its tables take a tenth of a second

    try:
        found = [canonical(match.mime_type) for match in magic_string(head)]
    except PureError:
        found = []
    return declared if declared in found else next((media_type for media_type in found if media_type), UNKNOWN)


def _text_of(head: bytes) -> str | None:
    """Return the beginning of a text; None for other content."""
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = head[: len(head) & ~1].decode("utf-16", "replace")
        return None if "\0" in text else text
    return None if is_binary(head) else head.removeprefix(BOM_UTF8).decode("latin-1")


def is_binary(piece: bytes) -> bool:
    """Return whether a part of a file has bytes that no text in an encoding that extends ASCII has."""
    return _BINARY.search(piece) is not None


def is_text(media_type: str) -> bool:
    """Return whether a media type says that its content is text without markup, which bytes cannot tell from other text."""
    return media_type in _TEXTS or (media_type.startswith("text/") and media_type != "text/html")


def _text_type(text: str, declared: str) -> str:
    if _SVG.match(text):
        return SVG
    if _HTML.match(text):
        return "text/html"
    if _XML.match(text):
        return "application/xml"
    if declared == "application/json" and text and not _JSON.match(text):
        return "text/plain"
    return declared if is_text(declared) else "text/plain"

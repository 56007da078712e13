"""The parts of a file and their limits."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from api_base.core.errors import Invalid

_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
UNKNOWN_TYPE: Final = "application/octet-stream"


class FileState(StrEnum):
    """PENDING: not whole or not checked. SCANNED: checked, not yet published. Only the content of a READY file can be read."""

    PENDING = "pending"
    SCANNED = "scanned"
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What was found in the bytes. `size` is in bytes, `sha256` in hex, `width` and `height` in pixels, of an image only.

    `engine` and `signatures` are the scanner and its version, empty for a file that nothing scanned.
    """

    size: int
    sha256: str
    media_type: str
    width: int | None = None
    height: int | None = None
    engine: str = ""
    signatures: str = ""


def media_type(text: str, pointer: str = "/content_type") -> str:
    """Return a media type in lower case without parameters [RFC 6838, section 4.2]. Raises `Invalid`."""
    found = text.partition(";")[0].strip().lower()
    if not found:
        return UNKNOWN_TYPE
    if not _TYPE.fullmatch(found):
        raise Invalid.of(pointer, "media_type", "must be a media type such as image/png")
    return found


def sha256_hex(text: str, pointer: str = "/sha256") -> str:
    """Return a SHA-256 digest in lower case hex. Raises `Invalid`."""
    if not _SHA256.fullmatch(found := text.lower()):
        raise Invalid.of(pointer, "sha256", "must be a SHA-256 digest of 64 hexadecimal digits")
    return found
